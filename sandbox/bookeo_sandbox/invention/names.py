"""Words of the invented business: people, places and remarks, unicode included."""

from __future__ import annotations

# fmt: off
FIRST = (
    "Olivia", "Noah", "Amelia", "Jack", "Isla", "Leo", "Mia", "Hugo", "Chloë", "Zoé", "Søren", "Łukasz",
    "Ágnes", "José", "Björk", "Nguyễn", "Siobhán", "Dvořák", "Ömer", "Yūki", "Ana", "Luca", "Priya", "Arjun",
    "Mei", "Wei", "Fatima", "Omar", "Aroha", "Tāne", "Ingrid", "Matteo", "Élodie", "Jürgen", "Renée", "Kofi",
    "Amara", "Tomás", "Iñaki", "Oksana", "太郎", "花子", "明", "عمر", "ليلى", "Дмитрий", "Ольга", "Ελένη", "Νίκος",
    "지우",
)
LAST = (
    "Smith", "Nguyen", "Müller", "O'Brien", "García", "Kowalski", "Sørensen", "Özdemir", "D'Angelo", "Tanaka",
    "Wilson", "Brown", "Jones", "Singh", "Chen", "Murphy", "Dvořáková", "Ångström", "Lefèvre", "Fernández",
    "Schmidt", "Rossi", "Novák", "Papadopoulos", "Kelly", "Walker", "Ryan", "Müller-Lüdenscheidt", "Đặng",
    "Peña", "山田", "佐藤", "القحطاني", "Иванов", "Παππάς", "김", "van-der-Berg", "Te-Whārangi", "Müşfik", "Żak",
)
# fmt: on
MIDDLE = ("", "", "", "", "", "", "J.", "Marie", "Ann", "Ø.")
STREETS = (
    "Harbour Street",
    "Königsallee",
    "Rue de l'Église",
    "Ulica Długa",
    "King's Road",
    "Calle Peñón",
    "Storgårdsvägen",
    "桜通り",
    'The "Old Mill" Lane',
)
CITIES = (
    ("AU", "Sydney", "NSW", "2000"),
    ("AU", "Wagga Wagga", "NSW", "2650"),
    ("AU", "Perth", "WA", "6000"),
    ("NZ", "Ōtautahi Christchurch", "", "8011"),
    ("DE", "Köln", "", "50667"),
    ("DE", "Berlin", "", "10115"),
    ("FR", "Saint-Étienne", "", "42000"),
    ("PL", "Łódź", "", "90-001"),
    ("GB", "Stoke-on-Trent", "", "ST1 1AA"),
    ("US", "Winston-Salem", "NC", "27101"),
    ("CA", "St. John's", "NL", "A1A 1A1"),
    ("JP", "京都市", "京都府", "600-8001"),
    ("KW", "مدينة الكويت", "", "13001"),
    ("BR", "São Paulo", "SP", "01000-000"),
)
LANGUAGES = ("en_US", "en_AU", "en_GB", "de_DE", "fr_FR", "ja_JP", "pl_PL", "es_ES", "ar_KW", "pt_BR")
REMARKS = (
    "no nuts, please",
    "vegan; gluten-free",
    "Geburtstag 🎂 der Großmutter",
    "afraid of deep water",
    'wants the "window" seat',
    "二名様、英語ガイド希望",
    "line one\nline two",
    "back\\slash and\ttab",
)
AGENTS = ("Maria", "Tom W.", "Front desk", "Zoë")
SOURCES = ("Website", "Phone", "Walk-in", "GetYourGuide", "Hotel concierge", "Instagram")
COMMENTS = ("paid at the desk", "Überweisung, Verwendungszweck fehlt", "card machine was down", "2nd attempt")
GATEWAYS = ("Stripe", "Square", "Adyen")
