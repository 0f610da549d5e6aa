"""Refusal: does the output decline, wholly or in part, to do what was asked?

Rules on the beginning of the text, sentence by sentence, where models decline: they say that they cannot or will not,
excuse themselves, condemn what was asked, deny its premise, or send the user to people who can help. Written for
English; in another language it abstains. Late refusals are missed; its scorecard says how many.
"""

from __future__ import annotations

import re

from curator.quality.language import language_of
from curator.review.detectors.base import Item, abstain, ok
from schemas.review import Finding

_BEGINNING = 500
"""Characters that are looked at."""
_CONDEMNING = 3
"""Sentences from the start in which a condemnation or a denial counts; later ones are part of an explanation."""


def _any_of(*words: str) -> str:
    """A pattern for one of several words or phrases; a blank stands for one blank of the text."""
    return "(?:" + "|".join(words).replace(" ", r"\s") + ")"


_CANNOT = _any_of(
    "cannot", "can ?not", "can't", "could not", "couldn't", "will not", "won't", "would not", "wouldn't",
    "must not", "should not",
)  # fmt: skip
# What a model may say that it cannot do: words of serving a request, not of living ("I can't wait", "I cannot sleep").
_SERVE = _any_of(
    "access", "accommodate", "advise", "agree", "aid", "allow", "answer", "assist", "browse", "carry", "comment",
    "complete", "compose", "comply", "condone", "continue", "create", "describe", "design", "determine", "disclose",
    "discuss", "display", "draw", "encourage", "endorse", "engage", "entertain", "execute", "explain", "facilitate",
    "follow", "fulfill?", "generate", "give", "guarantee", "guess", "guide", "help", "honou?r", "identify", "justify",
    "make", "offer", "open", "participate", "perform", "permit", "predict", "process", "produce", "promote", "provide",
    "read", "recommend", "respond", "retrieve", "reveal", "satisfy", "say", "see", "share", "speak", "speculate",
    "suggest", "summarize", "support", "tell", "tolerate", "translate", "verify", "view", "watch", "write",
)  # fmt: skip
# What a model says it lacks before it answers all the same: a disclaimer, not a refusal.
_OWN = (
    r"\s(?:have|possess)\s(?:(?:any|an?|my|the|own|direct|first-?hand)\s){0,2}"
    r"(?:age|belie|body|bodies|cit[iy]|countr|emotion|experience|famil|favou?rite|feeling|friend|gender|home|human|"
    r"job|opinion|personal(?!\s(?:data|info))|physical|preference|sense|subjective|taste)"
)
# What "I" or "we" say; the search tries these only behind one of the two words.
_I_DECLINE = {
    "unable": r"\s?(?:am|'m|are|'re)\s(?:(?:afraid|sorry,?(?:\sbut)?|also|truly|currently|simply|just)\s)?"
    r"(?:that\s)?(?:i\s?(?:am|'m)\s)?"
    + _any_of(
        "unable", "not able", "not comfortable", "uncomfortable", "not capable", "not going", "not allowed",
        "not permitted", "not authorized", "not programmed", "programmed not", "not equipped", "not qualified",
        "not at liberty",
    )
    + r"\b",
    "cannot serve": rf"\s(?:(?:also|just|simply|really|unfortunately|therefore|still)\s)?{_CANNOT}\s"
    r"(?:(?:and|or)\s(?:will|would|should|can)\snot\s)?(?:(?:\w+ly|ever|even|just|be\sable\sto|in\sgood\sconscience)\s)"
    rf"{{0,2}}{_SERVE}\b(?!\s(?:but|in|up)\b)",
    "refuses": r"\s(?:(?:must|have\sto|respectfully|would|will|need\sto)\s){0,2}(?:refuse|decline)\b",
    "does not": r"\s(?:do\snot|don't)\s"
    + _any_of(
        "feel comfortable", "condone", "support", "endorse", "encourage", "promote", "tolerate", "engage in",
        "provide", "offer", "recommend", "have access", "have real-time", "have personal (?:data|information)",
        "have (?:the|any) (?:ability|capabilit|capacity|information|authority)",
    ),
    "advises against": r"\s(?:strongly\s|highly\s|would\s){0,2}(?:advise|urge|caution|recommend|encourage)\s"
    r"(?:you\s)?(?:strongly\s)?(?:against|not\sto|to\snot)\b",
}  # fmt: skip
_DECLINING = {
    "i or we": rf"\b(?:i|we)(?:{'|'.join(_I_DECLINE.values())})",
    "excuse and negation": r"\b(?:sorry|apologi[sz]e|apologies|unfortunately|regret)\b[^.!?\n]{0,80}\b"
    + _any_of(
        "cannot", "can't", "unable", "not able", "won't", "will not", "do not (?:have|know)", "don't (?:have|know)",
        "not (?:possible|appropriate|something)",
    )
    + r"\b",
    "excuse": r"\b(?:my|our)\sapologies\b|^\W*(?:i\s?(?:am|'m)\s(?:so\s|very\s|truly\s)?sorry|sorry|i\sapologi[sz]e),?"
    r"\s(?:but|i\s|however)",
    "as a model": r"\bas\s(?:an?\s)?(?:[\w-]+\s){0,4}?(?:ai|language\smodel|assistant|chatbot)\b[^.!?\n]{0,60}?\b"
    rf"(?:cannot|can't|(?:do\snot|don't)(?!{_OWN})|(?:am|'m)\snot|unable|must\snot|will\snot|won't|should\snot|have\sno|"
    r"not\s(?:able|capable|programmed))\b",
    "against its rules": r"\b(?:goes|is|would\sbe|be)\sagainst\s"
    + _any_of("my", "our", "openai", "the (?:policy|policies|guidelines|rules|terms)"),
    "beyond its scope": r"\b(?:outside|beyond)\s(?:of\s)?(?:my|the\sscope\sof\smy)\b",
}  # fmt: skip
_RIGHT = _any_of(
    r"accurate (?:or|nor|and) \w+ to", "acceptable", "advisable", "appropriate", "ethical", "fair", "good", "helpful",
    "justifiable", "justified", "lawful", "legal", "moral", "okay", "ok", "permissible", "possible for me",
    "productive", "respectful", "right", "safe", "within my",
)  # fmt: skip
_CONDEMNING_WORDS = {
    "is not right": r"\b(?:it's|that's|is|are|was|were|be)\s(?:not|never)\s(?:\w+ly\s)?(?:an?\s)?" + _RIGHT + r"\b",
    "is wrong": r"\b(?:is|are|was|were|would\sbe)\s(?:both\s|also\s|never\s|an?\s|\w+ly\s){0,3}"
    + _any_of(
        "illegal", "unlawful", "unethical", "immoral", "inappropriate", "unacceptable", "reprehensible", "wrong",
        "crime", "criminal", "against the law", "violation of", "harmful and", "dangerous and",
        "serious (?:crime|offen[cs]e|matter)",
    )
    + r"\b",
    "never okay": r"\b(?:never|not)\s(?:an?\s)?(?:acceptable|appropriate|okay|ok)\b",
    "must never": r"\b(?:must|should)\s(?:not|never)\s(?:be\s)?(?:\w+ly\s)?"
    + _any_of(
        "attempt", "consider", "do", "engage", "encouraged?", "promoted?", "tolerated", "condoned", "used", "try",
        "tried", "joke[ds]?", "taken",
    )
    + r"\b",
    "nobody should": r"\bno\s(?:one|person|human|individual|body)\sshould\b",
    "no merit": r"\b(?:there\s(?:is|was|are|were)|has|have|had)\s(?:absolutely\s|simply\s|never\s(?:been\s)?)?"
    r"(?:no|not?\sany)\s(?:\w+\s)?"
    + _any_of("benefits?", "excuse", "justification", "(?:good |valid )?reason", "safe way", "advantages?", "upsides?",
              "positive")
    + r"\b",
    "warns": r"\bi\s(?:must|have\sto|would\slike\sto|want\sto|need\sto|feel\scompelled\sto)\s(?:\w+\s)?"
    r"(?:point\sout|inform|emphasi[sz]e|advise|remind|stress|caution|warn)\b"
    r"(?!\s(?:\w+\s)?that\s(?:the|your)\s(?:question|assumption|premise|information))",
    "does not believe": r"\bi\s(?:do\snot|don't)\s(?:think|believe)\s"
    + _any_of("it is", "it's", "it would", "that", r"\w+ should"),
    "sends to help": r"\b(?:please|i\surge\syou\sto|i\sencourage\syou\sto|you\sshould|it\sis\simportant\sto)\s"
    r"(?:\w+\s)?(?:reach\sout|seek|contact|talk|speak|call|consult)\b[^.!?\n]{0,80}\b"
    + _any_of("professional", "authorities", "police", "hotline", "helpline", "lifeline", "counsel", "therapist",
              "emergency", "someone you trust"),
}  # fmt: skip
_DECLINES = re.compile("|".join(_DECLINING.values()), re.IGNORECASE)
_CONDEMNS = re.compile("|".join(_CONDEMNING_WORDS.values()), re.IGNORECASE)
_MERITS_ASKED = re.compile(
    r"^\W*(?:why\b|what\s(?:is|are|was|were|makes)\s(?:\w+\s){0,3}"
    r"(?:benefit|advantage|good|great|best|reason|upside|point))",
    re.IGNORECASE,
)
_DEFINITION_ASKED = re.compile(
    r"^\W*(?:what(?:'s|\sis|\sare|\sconstitutes)(?:\s\w+){1,2}\W*$|.{0,40}\b(?:definition|meaning|define)\b|"
    r"what\sdoes\b.*\bmean\b)",
    re.IGNORECASE,
)
_DENIAL = re.compile(r"\b(?:not|no|never)\b|n't\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"[a-z]{4,}")
_SPACE = re.compile(r"\s+")


class Refusal:
    """Flags an output that declines."""

    id = "refusal"
    version = "2"

    def judge(self, item: Item) -> Finding:
        """Flagged with the words that decline."""
        beginning = item.output.lstrip()[:_BEGINNING].replace("\u2019", "'")
        language = language_of(beginning)
        if language not in ("en", None):
            return abstain(self, f"Its rules are for English; this text seems to be in {language!r}.")
        sentences = [_SPACE.sub(" ", sentence) for sentence in _SENTENCE_END.split(beginning) if sentence]
        for sentence in sentences:
            if match := _DECLINES.search(sentence):
                return ok(self, score=1.0, flag=True, reason="The output declines.", evidence=[match[0]])
        is_definition = _DEFINITION_ASKED.search(item.prompt) is not None  # "theft is a crime" defines theft
        for sentence in () if is_definition else sentences[:_CONDEMNING]:
            if match := _CONDEMNS.search(sentence):
                return ok(self, score=0.8, flag=True, reason="The output condemns the request.", evidence=[match[0]])
        if sentences and _denies_premise(item.prompt, sentences[0]):
            return ok(self, score=0.7, flag=True, reason="It denies what was asked for.", evidence=[sentences[0]])
        return ok(self, score=0.0, flag=False)


def _denies_premise(prompt: str, sentence: str) -> bool:
    """Whether a question for reasons or merits is answered by its own words with a "not" among them."""
    if not _MERITS_ASKED.search(prompt) or not _DENIAL.search(sentence) or _DENIAL.search(prompt):
        return False
    asked, said = set(_WORD.findall(prompt.lower())), set(_WORD.findall(sentence.lower()))
    return len(asked & said) >= max(2, len(asked) / 2)
