"""The people, animals, places and things of our stories. Ours; Apache-2.0, as the project."""

# ruff: noqa: SIM905 - lists of words read best as words
from __future__ import annotations

import random
from dataclasses import dataclass

# A new name tells by its end whether it is a boy's or a girl's.
BOY_ENDS = "bo do ko ro to zo".split()
GIRL_ENDS = "ba da la na ra ya".split()

# Most stories are about few names and kinds, so that a small model meets each of them often
# enough to keep it through a story; the long lists make the rest.
GIRLS = "Mia Lily Anna Rosa Nora Emma Clara Lucy".split()
BOYS = "Tom Ben Leo Max Sam Finn Jack Oscar".split()
PET_GIRLS = "Dot Tilly Hazel Pearl Olive".split()
PET_BOYS = "Pip Momo Biscuit Rufus Button".split()
RARE_GIRLS = "Zoe Maya Ivy Ella Ruby Sara Alice Nina Molly Kate Juno Clover Fern".split()
RARE_BOYS = "Noah Theo Hugo Milo Eli Adam Tim Luca Peter Karl Nib Bo Tuck Moss".split()

# New names are put together from these.
SYLLABLES = (
    "a be bo da di el fa fi go ha i ja ka ki la li lo lu ma mi na no o pa pe ra ri ro sa si "
    "ta ti to va vi wa xa za zo bel dor fin gus len mar nel ron sol tam vin zel"
).split()

# Who can be the hero, and where that hero sleeps.
HOMES = {
    "fox": "den",
    "bear": "cave",
    "mouse": "hole",
    "rabbit": "burrow",
    "hedgehog": "nest",
    "squirrel": "tree",
    "frog": "pond",
    "duck": "nest",
    "cat": "house",
    "dog": "house",
    "kitten": "basket",
    "lamb": "barn",
    "pony": "barn",
    "dragon": "cave",
    "robot": "workshop",
    "penguin": "house of snow",
    "princess": "castle",
    "king": "castle",
}
RARE_HOMES = {
    "owl": "tree",
    "puppy": "basket",
    "badger": "burrow",
    "otter": "den",
    "turtle": "garden",
    "mole": "burrow",
    "goat": "barn",
    "hen": "barn",
    "sparrow": "nest",
    "giant": "castle",
    "elephant": "forest",
    "lion": "cave",
    "monkey": "tree",
    "snail": "garden",
    "pig": "barn",
    "wolf": "den",
    "unicorn": "meadow",
    "dinosaur": "cave",
    "whale": "bay",
    "tiger": "den",
    "camel": "tent",
    "bee": "flower",
    "butterfly": "flower",
    "crab": "shell",
    "seal": "bay",
    "donkey": "barn",
    "cow": "barn",
    "parrot": "tree",
    "prince": "castle",
    "queen": "castle",
    "knight": "castle",
    "wizard": "tower",
    "witch": "hut",
    "fairy": "flower",
    "pirate": "ship",
    "sailor": "ship",
    "astronaut": "rocket",
    "fisherman": "hut",
    "gardener": "house",
    "teacher": "house",
    "doctor": "house",
    "clown": "tent",
    "snowman": "garden",
    "ghost": "castle",
    "mermaid": "palace",
    "tree": "garden",
    "cloud": "valley",
    "train": "station",
    "boat": "harbor",
    "car": "garage",
    "teapot": "kitchen",
    "clock": "tower",
    "chair": "kitchen",
    "lamp": "room",
}
# Of which kinds a story says "she"; of the others it says "he".
SHE = frozenset(
    "mouse duck cat lamb squirrel princess hen owl cow otter sparrow bee butterfly whale "
    "unicorn queen witch fairy mermaid teacher cloud teapot lamp tree turtle goose ant sheep "
    "gardener horse".split()
)
TRAITS = (
    "shy curious brave gentle merry quiet clever sleepy kind cheerful young hungry careful dreamy "
    "stubborn playful polite lonely busy proud"
).split()
SIZES = "little small tiny little little young".split()

HELPERS = (
    ("old owl", "owl"),
    ("wise old turtle", "turtle"),
    ("slow green snail", "snail"),
    ("black crow", "crow"),
    ("tall gray heron", "heron"),
    ("busy bee", "bee"),
    ("gray goose", "goose"),
    ("sleepy badger", "badger"),
    ("tiny red ant", "ant"),
    ("spotted frog", "frog"),
    ("white horse", "horse"),
    ("friendly toad", "toad"),
    ("brown bear", "bear"),
    ("quick squirrel", "squirrel"),
    ("round hedgehog", "hedgehog"),
    ("kind baker", "baker"),
    ("old sailor", "sailor"),
    ("cheerful gardener", "gardener"),
    ("tired postman", "postman"),
    ("blue butterfly", "butterfly"),
    ("shaggy dog", "dog"),
    ("striped cat", "cat"),
    ("woolly sheep", "sheep"),
    ("old farmer", "farmer"),
)

PLACES = (
    ("in a green forest", "forest", "among the trees"),
    ("at the edge of a dark forest", "forest", "between the tall trees"),
    ("by the sea", "beach", "on the warm sand"),
    ("near a quiet lake", "lake", "along the shore"),
    ("in a small village", "village", "down the narrow street"),
    ("on a little farm", "farm", "behind the barn"),
    ("under a high mountain", "mountain", "up the stony path"),
    ("in a sunny valley", "valley", "through the long grass"),
    ("beside a wide river", "river", "over the old bridge"),
    ("in a big noisy town", "town", "across the market"),
    ("in a garden full of roses", "garden", "past the roses"),
    ("on a windy hill", "hill", "over the hill"),
    ("on a far island", "island", "along the rocks"),
    ("next to an old mill", "mill", "around the mill"),
)

# Treasures that can be lost, wanted, broken, given.
THINGS = (
    "red button,silver key,blue kite,wooden boat,green scarf,little bell,golden ring,paper crown,"
    "yellow hat,tin drum,glass marble,red ball,brass whistle,white feather,blue cup,toy train,"
    "picture book,music box"
).split(",")
TREATS = (
    "apple pie,honey cake,warm bread,pumpkin soup,berry jam,pancakes,carrot cake,plum tart,"
    "hot chocolate,sweet buns"
).split(",")
SPOTS = (
    "under an old leaf,behind the garden wall,at the bottom of the well,inside a hollow tree,"
    "under the kitchen table,in the tall grass,on top of the roof,in a bird's nest,"
    "behind a big gray rock,inside an empty pot,under the bridge,in the pocket of an old coat,"
    "beside the gate,in the middle of a puddle,between two roots,inside a boot,on a high branch,"
    "in the hay,under a flower pot,at the foot of the stairs"
).split(",")
FEARS = (
    ("the dark", "it is so black and quiet"),
    ("thunder", "it is so very loud"),
    ("deep water", "I cannot see the bottom"),
    ("high places", "my legs begin to shake"),
    ("strangers", "I never know what to say"),
    ("the big dog next door", "his teeth are so long"),
    ("the wind at night", "it sounds like a ghost"),
    ("spiders", "they have too many legs"),
    ("singing in front of others", "everyone would look at me"),
    ("the old empty house", "something might live there"),
)
WISHES = (
    ("to fly", "flew in every dream"),
    ("to see the sea", "listened to the waves in an old shell"),
    ("to touch the moon", "looked up every night"),
    ("to dance", "hopped around the kitchen table"),
    ("to sing like a bird", "hummed all day long"),
    ("to be tall", "stood on the tips of both feet"),
    ("to catch a star", "counted them one by one"),
    ("to have a real friend", "talked to the flowers"),
    ("to paint the sky", "mixed blue and gold"),
    ("to sail around the world", "built boats out of paper"),
    ("to find a treasure", "dug holes everywhere"),
    ("to read books", "looked at the pictures again and again"),
)
DAYS = (
    "sunny morning,cold winter morning,rainy afternoon,windy autumn day,bright spring morning,"
    "warm summer evening,foggy morning,quiet evening,frosty morning,snowy day,golden afternoon,"
    "stormy evening,hot summer day,fresh spring day,gray morning,clear winter night"
).split(",")
SEEDS = (
    ("sunflower", "as tall as the house"),
    ("pumpkin", "as big as a cart"),
    ("bean", "up to the roof"),
    ("apple tree", "full of white blossoms"),
    ("rose", "red as the evening sky"),
    ("strawberry", "sweet as honey"),
    ("melon", "round as the moon"),
)
SOUNDS = (
    ("tap, tap, tap", "a branch that knocked at the window"),
    ("whoo, whoo", "the wind in an empty bottle"),
    ("scratch, scratch", "a tiny mouse that looked for crumbs"),
    ("drip, drip, drip", "the rain in an old bucket"),
    ("sniff, sniff", "a lost puppy that wanted to come in"),
    ("bump, bump, bump", "a hedgehog that could not climb the steps"),
    ("squeak, squeak", "the gate that needed a little oil"),
    ("hum, hum, hum", "a sleepy bee inside a flower"),
    ("clink, clink", "a crow that played with a spoon"),
)
SMALL_ONES = (
    ("a bird with a hurt wing", "bird"),
    ("a beetle on its back", "beetle"),
    ("a snail in the middle of the road", "snail"),
    ("a fish in a drying puddle", "fish"),
    ("a lamb that had lost its mother", "lamb"),
    ("a bee that was too wet to fly", "bee"),
    ("a mouse with its tail under a stone", "mouse"),
    ("a kitten high up in a tree", "kitten"),
    ("a baby turtle that could not find the sea", "baby turtle"),
    ("a duckling stuck in the mud", "duckling"),
)
WORKS = (
    ("a boat", "boards and rope", "float"),
    ("a kite", "paper and string", "fly"),
    ("a swing", "rope and an old board", "swing"),
    ("a house for the birds", "wood and nails", "stand"),
    ("a bridge over the stream", "stones and sticks", "hold"),
    ("a cart", "boxes and four wheels", "roll"),
    ("a snowman", "snow and a carrot", "stand"),
    ("a tower", "stones and sand", "stand"),
    ("a drum", "an old pot and some leather", "make a sound"),
    ("a lamp", "glass and tin", "shine"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody in a story.

    ``plain`` is "a shy fox", ``first`` how a text introduces them ("a shy fox named Pip"),
    ``name`` how it goes on ("Pip", or "the fox"), ``home`` where they sleep.
    """

    plain: str
    first: str
    name: str
    kind: str
    home: str
    male: bool

    def words(self, prefix: str = "") -> dict[str, str]:
        """The slots of a pattern that this person fills, each after ``prefix``."""
        he, him, his = ("he", "him", "his") if self.male else ("she", "her", "her")
        slots = {"he": he, "him": him, "his": his, "He": he.title(), "His": his.title()}
        slots |= {"N": self.name, "NN": self.name[0].upper() + self.name[1:]}
        slots |= {"plain": self.plain, "first": self.first, "kind": self.kind, "home": self.home}
        return {prefix + key: value for key, value in slots.items()}


def name(rng: random.Random, *, male: bool, pet: bool, taken: frozenset[str]) -> str:
    """A well-known name, a rare one, or one in fifteen times a new one."""
    if (chance := rng.random()) < 0.07:
        begin = "".join(rng.choice(SYLLABLES) for _ in range(rng.choice([1, 2])))
        return (begin + rng.choice(BOY_ENDS if male else GIRL_ENDS)).title()
    usual = (PET_BOYS if male else PET_GIRLS) if pet else (BOYS if male else GIRLS)
    names = usual if chance < 0.85 else (RARE_BOYS if male else RARE_GIRLS)
    return rng.choice([known for known in names if known not in taken])


def somebody(rng: random.Random, *, taken: frozenset[str] = frozenset()) -> Person:
    """A child or an animal, or the like; ``taken`` are names and kinds to avoid."""
    return child(rng, taken=taken) if rng.random() < 0.4 else animal(rng, taken=taken)


def child(rng: random.Random, *, taken: frozenset[str] = frozenset()) -> Person:
    male = rng.random() < 0.5
    kind = "boy" if male else "girl"
    given = name(rng, male=male, pet=False, taken=taken)
    plain = f"a {rng.choice(['little', 'young', 'small', *TRAITS])} {kind}"
    first = f"{plain} {rng.choice(['named', 'named', 'called'])} {given}"
    return Person(plain=plain, first=first, name=given, kind=kind, home="house", male=male)


def animal(rng: random.Random, *, taken: frozenset[str] = frozenset()) -> Person:
    """Half have a name; the others are "the fox" all through."""
    homes = HOMES if rng.random() < 0.8 else RARE_HOMES
    kind = rng.choice([kind for kind in homes if kind not in taken])
    looks = rng.choice([rng.choice(SIZES), rng.choice(TRAITS), f"{rng.choice(TRAITS)} little"])
    plain, male = f"a {looks} {kind}", kind not in SHE
    first, known = plain, f"the {kind}"
    if rng.random() < 0.5:
        known = name(rng, male=male, pet=True, taken=taken)
        first = f"{plain} {rng.choice(['named', 'named', 'called'])} {known}"
    return Person(plain=plain, first=first, name=known, kind=kind, home=homes[kind], male=male)


def helper(rng: random.Random, *, taken: frozenset[str] = frozenset()) -> Person:
    """Somebody older or wiser who is met on the way."""
    looks, kind = rng.choice([pair for pair in HELPERS if pair[1] not in taken])
    first, male = f"a {looks}", kind not in SHE
    return Person(plain=first, first=first, name=f"the {kind}", kind=kind, home="", male=male)
