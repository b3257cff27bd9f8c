"""The phrases of a report by name, French and English. Values stand in braces (`str.format`)."""

from collections.abc import Mapping
from typing import Final

PHRASES: Final[Mapping[str, tuple[str, str]]] = {
    # --- Cover ---
    "title.site": (
        "Cybersécurité de l'établissement en treize questions",
        "Cybersecurity of the facility in thirteen questions",
    ),
    "title.body": (
        "Cybersécurité des établissements en treize questions",
        "Cybersecurity of the facilities in thirteen questions",
    ),
    "title.region": (
        "Cybersécurité des établissements en treize questions",
        "Cybersecurity of the facilities in thirteen questions",
    ),
    "running": ("{name} — rapport du {day}", "{name} — report of {day}"),
    "page": ("page", "page"),
    "contents": ("Sommaire", "Contents"),
    "cover.site": ("Établissement", "Facility"),
    "cover.finess": ("N° FINESS", "FINESS number"),
    "cover.body": ("Organisme gestionnaire", "Managing body"),
    "cover.region": ("Région", "Region"),
    "cover.period": ("Période", "Period"),
    "cover.made": ("Établi le", "Made on"),
    "cover.author": ("Établi par", "Made by"),
    "cover.software": ("Logiciel", "Software"),
    "cover.sites": ("Établissements", "Facilities"),
    "period": ("du {since} au {until}", "from {since} to {until}"),
    "by.server": ("Vigie, automatiquement", "Vigie, automatically"),
    "not.declared": ("non déclaré", "not declared"),
    "at": ("{day} à {hour} (UTC)", "{day} at {hour} (UTC)"),
    # --- Summary ---
    "summary": ("L'essentiel en une page", "The essentials on one page"),
    "summary.levels": ("Niveau de chaque question", "Level of each question"),
    "summary.said": (
        (
            "{assessed:question évaluée|questions évaluées} sur 13 ; niveau le plus "
            "bas : {lowest}. {risky:équipement demande|équipements demandent} une "
            "attention immédiate."
        ),
        (
            "{assessed:question is|questions are} assessed out of 13; lowest level: "
            "{lowest}. {risky:device needs|devices need} attention now."
        ),
    ),
    "head.question": ("Question", "Question"),
    "head.level": ("Niveau", "Level"),
    "head.period": ("Sur la période", "Over the period"),
    "head.year": ("Sur un an", "Over a year"),
    "first": ("À faire en premier", "What to do first"),
    "first.lost": (
        "Traiter la perte ou le vol : {names} (mots de passe, signalements, plainte)",
        "See to the loss or theft: {names} (passwords, notices, complaint)",
    ),
    "first.critical": (
        "Mettre en règle {count:équipement|équipements} en échec sur une règle critique : {names}",
        "Put right {count:device that fails|devices that fail} a critical rule: {names}",
    ),
    "summary.devices": ("Équipements suivis", "Devices followed"),
    "summary.of": ("{counted} sur {declared} déclarés", "{counted} of {declared} declared"),
    "summary.undeclared": (
        "{counted} (nombre total non déclaré)",
        "{counted} (their total number is not declared)",
    ),
    "summary.unknown": ("Vérifications sans réponse connue", "Checks without a known answer"),
    "summary.expiring": (
        "Attestations expirées ou à renouveler bientôt",
        "Attestations expired or soon to be renewed",
    ),
    "first.none": ("Aucune action en attente.", "Nothing is waiting to be done."),
    "first.more": (
        "Le plan d'action complet compte {count:action|actions}.",
        "The whole action plan has {count:action|actions}.",
    ),
    "level": ("N{level}", "N{level}"),
    "level.none": ("non évalué", "not assessed"),
    "level.none.why": (
        "Aucune preuve ni attestation : ce n'est pas le niveau N0, rien n'est connu.",
        "No evidence and no attestation: this is not level N0, nothing is known.",
    ),
    "trend.up": ("↑ en hausse (était {then})", "↑ up (was {then})"),
    "trend.down": ("↓ en baisse (était {then})", "↓ down (was {then})"),
    "trend.same": ("→ stable", "→ steady"),
    "trend.new": ("nouvellement évalué", "newly assessed"),
    "trend.none": ("—", "—"),
    "trend.unknown": ("pas encore suivi", "not followed yet"),
    # --- Questions ---
    "questions": ("Les treize questions", "The thirteen questions"),
    "question": ("{number}. {title}", "{number}. {title}"),
    "question.since": ("Niveau tenu depuis le {day}.", "Level held since {day}."),
    "question.trend": (
        "Sur la période : {period}. Sur un an : {year}.",
        "Over the period: {period}. Over a year: {year}.",
    ),
    "question.rules": ("Constaté sur les équipements", "Found on devices"),
    "question.site": ("Constaté pour l'établissement", "Found for the facility"),
    "question.attested": ("Attesté", "Attested"),
    "question.attested.none": ("Aucune attestation.", "No attestation."),
    "question.steps": ("Pour atteindre le niveau suivant", "To reach the next level"),
    "head.rule": ("Règle", "Rule"),
    "head.severity": ("Gravité", "Severity"),
    "head.passing": ("Conformes", "Pass"),
    "head.failing": ("Non conformes", "Fail"),
    "head.waived": ("Sous dérogation", "Waived"),
    "head.unknown": ("Indéterminés", "Unknown"),
    "head.beside": ("Sans objet", "Not applicable"),
    "head.status": ("Résultat", "Result"),
    "head.reason": ("Constat", "Finding"),
    "head.item": ("Attestation", "Attestation"),
    "head.outcome": ("Réponse", "Answer"),
    "head.at": ("Date", "Date"),
    "head.author": ("Auteur", "Author"),
    "head.document": ("Document", "Document"),
    "head.expires": ("Valable jusqu'au", "Valid until"),
    "severity.critical": ("critique", "critical"),
    "severity.major": ("majeure", "major"),
    "severity.minor": ("mineure", "minor"),
    "status.pass": ("conforme", "pass"),
    "status.fail": ("non conforme", "fail"),
    "status.unknown": ("indéterminé", "unknown"),
    "status.not_applicable": ("sans objet", "not applicable"),
    "outcome.held": ("fait", "done"),
    "outcome.not_held": ("non fait", "not done"),
    "outcome.not_applicable": ("sans objet", "not applicable"),
    "outcome.value": ("{outcome} ({value})", "{outcome} ({value})"),
    "outcome.reason": ("{outcome} : {reason}", "{outcome}: {reason}"),
    "value.days": ("{value:jour|jours}", "{value:day|days}"),
    "value.percent": ("{value} %", "{value}%"),
    "value.yes": ("oui", "yes"),
    "value.no": ("non", "no"),
    "of.group": ("{title} (groupe « {group} »)", "{title} (group “{group}”)"),
    "currency.expired": ("{day}, expirée", "{day}, expired"),
    "currency.due_soon": ("{day}, à renouveler", "{day}, to be renewed"),
    "currency.in_force": ("{day}", "{day}"),
    "nothing": ("—", "—"),
    # --- Devices at risk ---
    "risky": ("Équipements à risque", "Devices at risk"),
    "risky.about": (
        (
            "Équipements perdus ou volés, en échec sur une règle critique, nomades en"
            " échec sur une règle critique ou majeure, ou silencieux depuis plus de "
            "{days:jour|jours}. Les risques acceptés par une dérogation n'y sont pas."
        ),
        (
            "Devices that are lost or stolen, that fail a critical rule, that are "
            "mobile and fail a critical or major rule, or that have been silent for "
            "more than {days:day|days}. Risks accepted by a waiver are left out."
        ),
    ),
    "risky.none": ("Aucun équipement à risque n'est connu.", "No device at risk is known."),
    "risky.more": (
        "… et {count:autre équipement|autres équipements}.",
        "… and {count:more device|more devices}.",
    ),
    "head.device": ("Équipement", "Device"),
    "head.risk": ("Risque", "Risk"),
    "head.failed": ("Règles en échec", "Rules that fail"),
    "head.since": ("Depuis le", "Since"),
    "head.last": ("Dernier rapport", "Last report"),
    "risk.stolen": ("volé", "stolen"),
    "risk.lost": ("perdu", "lost"),
    "risk.critical": ("règle critique", "critical rule"),
    "risk.nomadic": ("nomade en échec", "mobile, fails a rule"),
    "risk.silent": ("silencieux", "silent"),
    "never": ("jamais", "never"),
    # --- Waivers ---
    "waivers": ("Dérogations", "Waivers"),
    "waivers.none": ("Aucune dérogation n'a été accordée.", "No waiver was granted."),
    "waivers.about": (
        ("Une dérogation accepte un risque jusqu'à une date ; la règle reste en échec."),
        "A waiver accepts a risk until a day; the device still fails.",
    ),
    "head.waiver": ("Règle", "Rule"),
    "head.why": ("Motif", "Reason"),
    "head.granted": ("Accordée le", "Granted on"),
    "head.by": ("Demandée par, approuvée par", "Asked by, approved by"),
    "head.devices": ("Équipements", "Devices"),
    "waiver.by": ("{author}, {approver}", "{author}, {approver}"),
    "waiver.devices": ("{count} : {names}", "{count}: {names}"),
    "waiver.reopened": (
        "{devices} (dont {count:rouvert|rouverts})",
        "{devices} ({count} reopened)",
    ),
    "names.more": ("{names}, … et {count} de plus", "{names}, … and {count} more"),
    # --- Plan ---
    "plan": ("Plan d'action", "Action plan"),
    "plan.about": (
        (
            "Les actions qui font atteindre le niveau suivant de chaque question, la "
            "moins coûteuse en effort d'abord : une attestation à enregistrer, puis "
            "les équipements à mettre en règle, du plus petit nombre au plus grand. "
            "Responsable et échéance se remplissent à la main."
        ),
        (
            "The actions that reach the next level of each question, the least effort"
            " first: an attestation to record, then devices to put right, from the "
            "smallest number to the largest. Who and when is for you to fill in."
        ),
    ),
    "plan.none": ("Aucune action en attente.", "Nothing is waiting to be done."),
    "head.number": ("N°", "No."),
    "head.action": ("Action", "Action"),
    "head.serves": ("Questions", "Questions"),
    "head.who": ("Responsable", "Who"),
    "head.due": ("Échéance", "Due"),
    # --- Incidents ---
    "incidents": ("Main courante des incidents", "Incident log"),
    "incidents.none": ("La main courante est vide.", "The incident log is empty."),
    "incidents.said": (
        (
            "La main courante compte {entries:entrée|entrées}, dont {recent} sur la "
            "période ; la dernière est du {day}."
        ),
        (
            "The incident log holds {entries:entry|entries}, {recent} of them in the "
            "period; the newest is of {day}."
        ),
    ),
    "incidents.intact": (
        "Ses empreintes ont été vérifiées : aucune entrée n'a été modifiée ni retirée.",
        "Its digests were checked: no entry was changed or removed.",
    ),
    "incidents.broken": (
        (
            "La vérification de ses empreintes a échoué : une entrée a été modifiée "
            "ou retirée. À examiner (vigie-server incident check)."
        ),
        (
            "The check of its digests failed: an entry was changed or removed. To be "
            "looked into (vigie-server incident check)."
        ),
    ),
    # --- In an incident ---
    "incident": ("En cas d'incident", "In an incident"),
    "incident.reflexes": ("Premiers réflexes", "First reflexes"),
    "incident.one": (
        "Un équipement touché : retirer le câble réseau ou couper le Wi-Fi.",
        "One device is hit: pull the network cable or switch Wi-Fi off.",
    ),
    "incident.all": (
        "Tout le système touché : couper Internet à l'équipement réseau ou au pare-feu.",
        "The whole system is hit: cut the Internet at the network equipment or the firewall.",
    ),
    "incident.leave": (
        "Ne pas éteindre ni modifier les machines touchées ; garder les journaux.",
        "Do not switch off or alter the machines that are hit; keep the logs.",
    ),
    "incident.pay": ("Ne jamais payer de rançon.", "Never pay a ransom."),
    "incident.log": (
        "Ouvrir la main courante : heure, personne, action ou événement.",
        "Open the incident log: time, person, action or event.",
    ),
    "incident.complain": ("Porter plainte.", "File a complaint."),
    "incident.duties": ("Qui informer", "Whom to tell"),
    "incident.ans": (
        (
            "Incident significatif ou grave : signalement à l'Agence du Numérique en Santé "
            "(décret n° 2022-715 du 27 avril 2022)."
        ),
        (
            "A significant or serious incident: report to the Agence du Numérique en Santé "
            "(decree 2022-715 of 27 April 2022)."
        ),
    ),
    "incident.risk": (
        "Risque pour les droits et libertés des personnes : notification à la CNIL.",
        "A risk to people's rights and freedoms: notification to the CNIL.",
    ),
    "incident.high": (
        "Risque élevé : informer aussi les personnes concernées.",
        "A high risk: tell the persons concerned too.",
    ),
    "incident.calls": ("Contacts", "Contacts"),
    "incident.cert": ("CERT Santé", "CERT Santé"),
    "incident.portal": ("Portail de signalement", "Portal for reports"),
    "incident.cnil": ("CNIL", "CNIL"),
    "incident.region": ("Appui régional", "Regional support"),
    "incident.no.region": (
        "non répertorié ; voir l'ARS ou le GRADeS de la région",
        "not listed; ask the ARS or GRADeS of the region",
    ),
    "incident.source": (
        "Contacts nationaux et régionaux relevés le {day}. Source : {source}.",
        "National and regional contacts as of {day}. Source: {source}.",
    ),
    # --- Method ---
    "method": ("Comment cela a été mesuré", "How it was measured"),
    "method.period": ("Période", "Period"),
    "method.state": ("État des lieux au", "State as of"),
    "method.assessed": ("Dernière évaluation des niveaux", "Levels last assessed"),
    "method.kept": ("Niveaux suivis depuis", "Levels followed since"),
    "method.declared": (
        "Équipements déclarés par l'établissement",
        "Devices declared by the facility",
    ),
    "method.counted": ("Équipements suivis", "Devices followed"),
    "method.coverage": (
        "Part des équipements déclarés couverte",
        "Share of declared devices covered",
    ),
    "method.heard": (
        "Équipements ayant transmis sur la période",
        "Devices that reported in the period",
    ),
    "method.pending": (
        "Équipements en attente d'approbation, hors du compte",
        "Devices waiting for approval, not counted",
    ),
    "method.quarantined": (
        "Équipements en quarantaine, hors du compte",
        "Devices in quarantine, not counted",
    ),
    "method.verdicts": ("Vérifications", "Checks"),
    "method.counts": (
        (
            "{passing} conformes, {failing} non conformes, {waived} sous dérogation, "
            "{unknown} indéterminées, {beside} sans objet"
        ),
        (
            "{passing} pass, {failing} fail, {waived} waived, {unknown} unknown, "
            "{beside} not applicable"
        ),
    ),
    "method.share": ("Part demandée par les niveaux", "Share that levels ask for"),
    "share": ("{percent} %", "{percent}%"),
    "share.of": ("{percent} % ({counted} sur {declared})", "{percent}% ({counted} of {declared})"),
    "method.undeclared": (
        (
            "Le nombre d'équipements n'est pas déclaré : la part du parc qui est "
            "couverte n'est pas connue, et aucune condition qui en dépend n'est "
            "remplie."
        ),
        (
            "The number of devices is not declared: the share of the fleet that is "
            "covered is not known, and no condition that depends on it is met."
        ),
    ),
    "method.absent": (
        (
            "{count:équipement déclaré n'est pas suivi|équipements déclarés ne sont "
            "pas suivis} : rien n'est connu d'eux, ils ne comptent pas comme "
            "conformes."
        ),
        (
            "{count:declared device is|declared devices are} not followed: nothing is"
            " known of them, and they do not count as passing."
        ),
    ),
    "method.unknown": (
        (
            "{percent} % des vérifications applicables sont indéterminées : la preuve "
            "manque ou est trop ancienne. Un résultat indéterminé ne compte jamais comme "
            "conforme."
        ),
        (
            "{percent}% of the checks that apply are unknown: evidence is missing or "
            "too old. What is unknown never counts as passing."
        ),
    ),
    "method.how": (
        (
            "Les équipements sont interrogés par un agent qui lit leur configuration "
            "et ne la modifie pas ; ce qu'aucune mesure ne voit est attesté par une "
            "personne, avec une date de fin. Un niveau est tenu quand toutes ses "
            "conditions et celles des niveaux inférieurs sont remplies."
        ),
        (
            "Devices are asked by an agent that reads their configuration and changes"
            " nothing; what no measure sees is attested by a person, until a day. A "
            "level is held when all its conditions and those of every level below are"
            " met."
        ),
    ),
    # --- Glossary ---
    "glossary": ("Quelques mots", "A few words"),
    # --- Roll-ups ---
    "spread": (
        "Répartition des établissements par niveau",
        "How facilities spread over the levels",
    ),
    "spread.said": (
        (
            "{sites:établissement|établissements}. Ce rapport ne nomme ni "
            "établissement, ni équipement, ni personne."
        ),
        ("{sites:facility|facilities}. This report names no facility, no device and no person."),
    ),
    "head.none": ("Non évalué", "Not assessed"),
    "head.up": ("En hausse", "Up"),
    "head.down": ("En baisse", "Down"),
    "spread.weakest": ("Les questions les moins avancées", "The questions that are least advanced"),
    "spread.weak": (
        "{title} — {count:établissement|établissements} sur {sites} en N0 ou sans évaluation",
        "{title} — {count:facility|facilities} out of {sites} at N0 or without an assessment",
    ),
    "method.spread": (
        (
            "Les niveaux sont ceux de chaque établissement à la date du rapport ; « "
            "en hausse » et « en baisse » comparent avec le début de la période. Un "
            "établissement non évalué n'est pas en N0 : rien n'est connu de lui pour "
            "cette question."
        ),
        (
            "Levels are those of each facility on the day of the report; “up” and "
            "“down” compare with the beginning of the period. A facility that is not "
            "assessed is not at N0: nothing is known of it for that question."
        ),
    ),
}
