"""The small words of some languages: what a line begins well with, and what it must not end with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Grammar:
    """The words of a language that hold on to what follows them, in small letters."""

    leading: frozenset[str]
    """Conjunctions and prepositions: a line begins well with one and ends badly with one."""
    articles: frozenset[str]
    """Articles, possessives and demonstratives: a line ends badly with one."""


def _grammar(leading: str, articles: str) -> Grammar:
    return Grammar(_words(leading), _words(articles))


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


GRAMMARS: Final[Mapping[str, Grammar]] = {
    "de": _grammar(
        "und oder aber denn sondern weil dass daß ob wenn als wie während obwohl bevor nachdem damit bis seit "
        "in im an am auf aus bei beim mit nach von vom vor zu zum zur für gegen ohne um durch über unter zwischen",
        "der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner mein meine meinen "
        "meinem meiner dein deine sein seine seinen seinem seiner ihr ihre ihren ihrem ihrer unser unsere unseren",
    ),
    "en": _grammar(
        "and or but nor so yet because although though unless since while whereas if when where which who whom whose "
        "that than as after before until about above across against along among around at behind below beneath beside "
        "between beyond by despite down during except for from in inside into like near of off on onto out over past "
        "through to toward towards under up upon with within without",
        "a an the my your his her its our their this these those",
    ),
    "es": _grammar(
        "y e o u pero sino aunque porque pues que si cuando como donde mientras "
        "a al ante bajo con contra de del desde en entre hacia hasta para por según sin sobre tras",
        "el la los las un una unos unas lo mi mis tu tus su sus nuestro nuestra nuestros nuestras este esta estos",
    ),
    "fr": _grammar(
        "et ou mais donc or ni car que qui dont où quand comme si lorsque puisque parce quoique "
        "à au aux de du des en dans par pour sur sous avec sans chez vers entre contre depuis pendant avant après",
        "le la les un une mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs ce cet cette ces",
    ),
    "it": _grammar(
        "e ed o od ma però perché poiché che se quando come dove mentre anche "
        "a ad al allo alla ai agli alle di del dello della dei degli delle da dal dallo dalla dai dagli dalle in nel "
        "nello nella nei negli nelle con su sul sullo sulla sui sugli sulle per tra fra senza verso",
        "il lo la i gli le un uno una mio mia miei mie tuo tua suo sua suoi sue nostro nostra questo questa questi",
    ),
    "nl": _grammar(
        "en of maar want dus omdat dat als toen terwijl hoewel zodat voordat nadat totdat wie wat waar "
        "aan achter bij binnen boven door in langs met na naar naast om onder op over per rond sinds te tegen tot "
        "tussen uit van vanaf via voor zonder",
        "de het een mijn jouw zijn haar ons onze hun deze dit die",
    ),
    "pt": _grammar(
        "e ou mas porém porque pois que se quando como onde enquanto embora "
        "a ao à aos às ante após até com contra de do da dos das desde em no na nos nas entre para por pelo pela "
        "pelos pelas sem sob sobre",
        "o os as um uma uns umas meu minha meus minhas teu tua seu sua seus suas nosso nossa este esta estes estas",
    ),
}
"""By ISO 639-1 code."""

NO_GRAMMAR: Final = Grammar(frozenset(), frozenset())
"""Of all other languages: they break at their punctuation, and anywhere else alike."""

TITLES: Final = _words(
    "mr mrs ms mx dr prof st sr sra srta dra mme mlle mgr dott avv hr fr herr frau dhr mevr "
    "gen capt lt sgt rev hon gov sen vs",
)
"""What stands before a name; its full stop does not end a sentence."""

COUNTED: Final = frozenset({"no", "nos", "nr", "nº", "art", "abb", "fig", "vol", "pp"})
"""What stands before a number: with a number behind it, its full stop does not end a sentence."""

MAGNITUDES: Final = _words(
    "hundred thousand million millions billion billions trillion percent hundert tausend millionen milliarde "
    "milliarden prozent mil millón millones ciento mille milliard milliards pourcent mila milione milioni miliardo "
    "miliardi milhão milhões bilhão bilhões cento honderd duizend miljoen miljard procent "
    "km m cm mm kg g l ml mb gb kb hz khz mhz ghz kw kwh mph km/h am pm a.m p.m uhr h euro euros dollars pounds",
)
"""What belongs to the number before it."""
