"""The owner's dashboard: `bookeo dashboard` opens it, `marimo edit notebooks/dashboard.py` changes it.

It reads the marts of `bookeo.duckdb`, or of the file that BOOKEO_DASHBOARD_DATABASE names, and changes nothing.
"""

import marimo

app = marimo.App(width="full", app_title="Bookeo dashboard", css_file="dashboard.css")


@app.cell
def _():
    from functools import partial

    import marimo as mo

    from bookeo.errors import BookeoError
    from bookeo_pipelines.dashboard import cards, page
    from bookeo_pipelines.dashboard.marts import open_marts, read_choices
    from bookeo_pipelines.dashboard.selection import Selection, default_step, periods
    from bookeo_pipelines.dashboard.tiles import comparison, tiles

    return (
        BookeoError,
        Selection,
        cards,
        comparison,
        default_step,
        mo,
        open_marts,
        page,
        partial,
        periods,
        read_choices,
        tiles,
    )


@app.cell
def _(BookeoError, mo, open_marts, page, read_choices):
    try:
        marts, newer = open_marts()
        problem = ""
    except BookeoError as error:
        problem = error.message
    mo.stop(problem, mo.Html(page.nothing("The dashboard cannot be shown", problem)))
    choices = read_choices(marts)
    mo.stop(
        not choices.currencies,
        mo.Html(
            page.nothing(
                "No bookings yet", "As soon as bookings are loaded and bookeo marts build has run, figures stand here."
            )
        ),
    )
    return choices, marts, newer


@app.cell
def _(choices, mo):
    account = mo.ui.dropdown({"All accounts": None, **choices.accounts}, value="All accounts", label="Account")
    return (account,)


@app.cell
def _(account, choices, mo):
    codes = choices.currencies_of(account.value)
    currency = mo.ui.dropdown(codes, value=codes[0] if codes else None, label="Currency")
    products = {"All products": None, **choices.products_of(account.value)}
    product = mo.ui.dropdown(products, value="All products", label="Product")
    return currency, product


@app.cell
def _(choices, mo, periods):
    offered = periods(choices.today, choices.first, choices.last)
    period = mo.ui.dropdown(list(offered), value=next(iter(offered)), label="Period")
    return offered, period


@app.cell
def _(choices, mo, offered, period):
    dates = mo.ui.date_range(choices.first, choices.last, offered[period.value], label="Days")
    return (dates,)


@app.cell
def _(dates, default_step, mo):
    step = mo.ui.dropdown(["day", "week", "month"], value=default_step(*dates.value), label="Charts by")
    return (step,)


@app.cell
def _(Selection, account, choices, currency, dates, product, step):
    of_product = product.value or (account.value, None)
    selection = Selection(currency.value or "", *dates.value, choices.today, *of_product, step.value)
    return (selection,)


@app.cell
def _(account, choices, comparison, currency, dates, marts, mo, newer, page, period, product, selection, step, tiles):
    missing = comparison(selection, choices.first)
    grid = page.attempt(
        "Tiles", lambda: page.tile_grid(tiles(marts, selection, compared=not missing), selection, missing)
    )
    filters = "".join(f"{one}" for one in (account, product, currency, period, dates, step))
    mo.Html(
        f"""<div class="dashboard">{page.head(choices, selection, newer=newer)}<nav class="filters">{filters}</nav>
        {grid}</div>"""
    )
    return


@app.cell
def _(cards, marts, mo, page, partial, selection):
    def shown(card):
        frame, chart = cards.asked(card, marts, selection)
        if chart is None:
            return mo.Html(page.empty(card.title, card.otherwise))
        rows, written, stand = cards.table(frame, selection)
        table = mo.ui.table(
            rows,
            selection=None,
            page_size=10,
            format_mapping=written,
            text_justify_columns=stand,
            show_column_summaries=False,
            show_data_types=False,
            label=card.title,
        )
        return mo.ui.tabs({"Chart": chart, "Table": table})

    sections = {
        title: [page.attempt(card.title, partial(shown, card)) for card in of_section]
        for title, of_section in cards.SECTIONS.items()
    }
    mo.Html(
        '<div class="dashboard">'
        + "".join(
            f'<h2>{title}</h2><section class="cards">'
            + "".join(f'<div class="card">{one}</div>' for one in of_section)
            + "</section>"
            for title, of_section in sections.items()
        )
        + "</div>"
    )
    return


if __name__ == "__main__":
    app.run()
