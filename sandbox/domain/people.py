"""Simulated people around the log's customer numbers: names, addresses and what each tool calls them."""

from dataclasses import dataclass
from random import Random

FIRST = (
    "Ada", "Alma", "Amir", "Ana", "Anton", "Aya", "Ben", "Bo", "Carla", "Chen", "Clara", "Dan", "Dora",
    "Eli", "Elena", "Emil", "Esra", "Eva", "Finn", "Greta", "Hana", "Hugo", "Ida", "Ines", "Ivan",
    "Jan", "Jon", "Juno", "Kai", "Kira", "Lena", "Leo", "Lina", "Luca", "Maja", "Marc", "Mia", "Milo",
    "Nia", "Nils", "Noa", "Olga", "Omar", "Pia", "Ravi", "Rosa", "Sami", "Sara", "Sven", "Tara", "Theo",
    "Uma", "Vera", "Wim", "Yara", "Zoe",
)  # fmt: skip
LAST = (
    "Abel", "Adler", "Baum", "Berg", "Bosch", "Brandt", "Cole", "Costa", "Cruz", "Dahl", "Dietz",
    "Engel", "Falk", "Fuchs", "Garcia", "Grau", "Haas", "Hahn", "Ito", "Jansen", "Kaya", "Keller",
    "Kern", "Klein", "Koch", "Kruse", "Lang", "Lopez", "Marsh", "Meier", "Moss", "Nagel", "Novak",
    "Okafor", "Ortiz", "Park", "Patel", "Peters", "Quist", "Reed", "Rossi", "Roth", "Sato", "Schulz",
    "Silva", "Stone", "Tanaka", "Voss", "Weber", "Wolf", "Yilmaz", "Young", "Zimmer",
)  # fmt: skip
DOMAIN = "shopper.example"  # reserved: no mail to it can ever reach anybody


@dataclass(frozen=True, slots=True)
class Person:
    """One customer as five tools know them; only the e-mail address is the same everywhere."""

    number: int
    first: str
    last: str
    newsletter: bool
    site_known: bool  # has ever logged in on the site, so visits can be told to be theirs
    browsing: float  # visits a week when fully engaged

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"

    @property
    def email(self) -> str:
        return f"{self.first}.{self.last}.{self.number}@{DOMAIN}".lower()

    @property
    def shopify_id(self) -> int:
        return 7_000_000_000_000 + self.number

    @property
    def klaviyo_id(self) -> str:
        return f"01SIM{self.number:021d}"

    @property
    def zendesk_id(self) -> int:
        return 8_000_000_000_000 + self.number

    @property
    def segment_id(self) -> str:
        return f"user-{self.number}"


def make_person(number: int, seed: int) -> Person:
    """The same number and seed make the same person."""
    rng = Random(f"person:{seed}:{number}")
    return Person(
        number=number,
        first=rng.choice(FIRST),
        last=rng.choice(LAST),
        newsletter=rng.random() < 0.72,
        site_known=rng.random() < 0.85,
        browsing=min(rng.lognormvariate(-0.7, 0.7), 3.0),  # median one visit in two weeks
    )
