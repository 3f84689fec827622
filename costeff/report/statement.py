"""The accessibility statement that Act 306/2019 asks for: how accessible, and who supervises."""

from __future__ import annotations

from markupsafe import Markup

from costeff.report.contact import Assessment, Contact
from costeff.report.markup import bullets, details, heading, join, link, paragraph
from costeff.report.words import Words

AUTHORITIES = {
    "fi": ("saavutettavuusvaatimukset.fi", "https://www.saavutettavuusvaatimukset.fi/"),
    "sv": ("tillgänglighetskrav.fi", "https://www.tillganglighetskrav.fi/"),
    "en": ("webaccessibility.fi", "https://www.webaccessibility.fi/"),
}


def statement(contact: Contact, words: Words) -> Markup:
    """The statement on a page of its own publisher, folded; a site has a page of it."""
    return details(
        words.say("Accessibility statement"),
        join(assessed(contact.assessment, words, level=3), supervision(words)),
    )


def assessed(assessment: Assessment | None, words: Words, level: int) -> Markup:
    """What the publisher has found, and of what the reader is warned."""
    say = words.say
    if assessment is None:
        return paragraph(say("The publisher has not yet assessed how well the pages meet the requirements."))
    meets = {
        "fully": say("The pages meet the requirements (WCAG 2.1, levels A and AA)."),
        "partly": say("The pages meet the requirements (WCAG 2.1, levels A and AA) in part."),
        "not": say("The pages do not meet the requirements (WCAG 2.1, levels A and AA)."),
    }
    day = words.date(assessment.date)
    by = {
        "publisher": say("The publisher assessed the pages itself. Date of the assessment: {date}.", date=day),
        "outsider": say("The pages were assessed by an outside expert. Date of the assessment: {date}.", date=day),
    }
    told = [paragraph(meets[assessment.meets]), paragraph(by[assessment.by])]
    if assessment.shortcomings:
        short = bullets(one[words.language] for one in assessment.shortcomings)
        told += [heading(level, say("What is not accessible")), short]
    return join(*told)


def supervision(words: Words) -> Markup:
    """Where a reader turns who is not satisfied with the publisher's answer."""
    said = words.say(
        "If you are not satisfied with the answer, or have had none within two weeks, you can turn to the authority "
        "that supervises accessibility, the Finnish Transport and Communications Agency Traficom. Its site tells how "
        "to complain and how the complaint is handled."
    )
    name, address = AUTHORITIES[words.language]
    return paragraph(join(said, link(name, address)))
