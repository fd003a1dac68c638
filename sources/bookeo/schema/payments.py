"""Payments."""

from __future__ import annotations

from bookeo.schema.common_columns import ACCOUNT_ID, DELETED, EXTRA, FETCHED_AT, moment
from bookeo.schema.model import Column, Entity, Table

PAYMENTS = Table(
    name="payments",
    key=("account_id", "payment_id"),
    description="Money received and, with a negative amount, refunded.",
    source="GET /bookings/{bookingNumber}/payments, GET /payments",
    owner=("account_id", "booking_number"),
    version="fetched_at",
    columns=(
        ACCOUNT_ID,
        Column("payment_id", "text", "id*", "Bookeo's id of the payment."),
        Column("booking_number", "text", "", "Booking that it pays for; null if none is known.", origin="constant"),
        Column(
            "linked_by",
            "text",
            "",
            "How the booking is known: endpoint (the API said so), description (the text is Booking and its number), "
            "number (the text holds the number of one booking of the same customer), or null.",
            origin="constant",
        ),
        *moment("creation_time", "creationTime", "When the payment was recorded."),
        *moment("received_time", "receivedTime", "When the money was received."),
        Column("reason", "text", "reason", "Why it was paid.", personal="free_text"),
        Column("description", "text", "description", "Description, such as: Booking 1234.", personal="free_text"),
        Column("comment", "text", "comment", "Comment of the business.", personal="free_text"),
        Column("amount", "decimal", "amount.amount", "Amount, exact; negative for a refund."),
        Column("currency", "text", "amount.currency", "The currency's ISO 4217 code."),
        Column(
            "payment_method",
            "text",
            "paymentMethod",
            "One of creditCard, paypal, bankTransfer, cash, checque, debitCard, existingCredit, accountCredit, "
            "moneyVoucher, other.",
        ),
        Column("payment_method_other", "text", "paymentMethodOther", "What other method it was.", personal="free_text"),
        Column("agent", "text", "agent", "Who recorded it; null if the customer paid online.", personal="name"),
        Column("customer_id", "text", "customerId", "Customer who paid."),
        Column("gateway_name", "text", "gatewayName", "Payment gateway."),
        Column(
            "transaction_id",
            "text",
            "transactionId",
            "The gateway's id of the transaction; at the gateway it names the payer.",
            personal="online_id",
        ),
        FETCHED_AT,
        EXTRA,
        DELETED,
    ),
)

PAYMENT = Entity("Payment", PAYMENTS)
