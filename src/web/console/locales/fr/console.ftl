# Les mots de la console. Chaque clé existe dans les deux langues ; un test les compare aux modèles.
skip = Aller au contenu
nav = Écrans
nav-now = Maintenant
nav-calendar = Calendrier
nav-compose = Écrire
nav-approvals = Validations
nav-incidents = Incidents
nav-held = Retenues
nav-doubts = Dans le doute
nav-audit = Journal
nav-settings = Réglages
sign-in = Se connecter
sign-out = Se déconnecter
sign-in-wrong = L’adresse, le mot de passe ou le code n’est pas le bon.
sign-in-slow = Trop de tentatives ont échoué. Attendez 15 minutes, puis réessayez.
sign-in-invited = Première visite ? Ouvrez le lien de votre invitation. En ligne de commande, « holdline console » en donne un.
email = Adresse e-mail
password = Mot de passe
new-password = Nouveau mot de passe
password-hint = Au moins 12 caractères. Plusieurs mots font un bon mot de passe.
code = Code
code-hint = Les six chiffres de votre application d’authentification, ou l’un de vos codes de secours.
code-now = Le code affiché en ce moment
code-wrong = Ce code n’est pas le bon. Attendez le suivant.
name = Nom
set-up = Installer Holdline
set-up-hint = Vous devenez le premier administrateur. Le jeton à usage unique est affiché dans le terminal du service et se trouve dans le fichier setup.token de son dossier de données.
set-up-token = Jeton à usage unique
set-up-do = Installer Holdline et se connecter
set-up-refused = Le jeton n’est pas le bon ou a déjà servi. Le service en crée un nouveau s’il démarre alors que personne n’est encore inscrit.
join = Rejoindre l’équipe
join-hello = Bienvenue, { $name }. Choisissez un mot de passe et reliez votre application d’authentification.
join-refused = Cette invitation est inconnue, a déjà servi ou a expiré. Demandez-en une autre à un administrateur.
join-do = Rejoindre et se connecter
invitation = Invitation
second-factor = Second facteur
second-factor-hint = Scannez cette image avec une application d’authentification.
qr-alt = Code QR pour l’application d’authentification ; le secret est écrit en dessous
secret-by-hand = Ou saisissez ce secret :
codes = Codes de secours
codes-hint = Chacun sert une fois à la place du code de l’application. Imprimez-les ou mettez-les au coffre : ils ne sont affichés que maintenant.
codes-kept = Je les ai gardés
codes-renew = Créer de nouveaux codes de secours
codes-renew-hint = Les anciens codes cessent aussitôt de fonctionner.
prove = Confirmez que c’est bien vous
prove-hint = Vous avez présenté votre second facteur il y a plus de 15 minutes. Une validation en demande un récent.
prove-do = Confirmer que c’est bien moi
resend = Veuillez envoyer à nouveau
resend-hint = Rien n’a été modifié et rien n’est perdu. Vous avez été déconnecté, ou connecté à nouveau, après l’ouverture de ce formulaire.
resend-sign-in = Se connecter (s’ouvre à côté)
resend-what = Ce que vous avez saisi
resend-do = Envoyer ce formulaire à nouveau
to-now = Vers le premier écran
problem-not-found = Il n’y a rien ici
problem-forbidden = Action non permise
problem-conflict = Impossible pour le moment
problem-invalid = Cela n’a pas pu être lu
problem-ours = Une erreur s’est produite de notre côté
trouble = À corriger :
stale-since = Les mises à jour en direct sont interrompues ; cette page montre l’état de
stale-hint = La connexion se rétablit d’elle-même. Rechargez la page pour en être sûr.
standing-normal = Normal
standing-frozen = Gel
standing-incident = Incident
standing-incident-frozen = Incident, gel en vigueur
standing-stopped = Rien n’est envoyé
standing-thaw = Revue du dégel
since = depuis le
strip-sealed = gel scellé
strip-not-sealed = gel NON scellé
strip-held = { $n ->
    [one] { $shown } publication retenue
   *[other] { $shown } publications retenues
  }
strip-closed = { $n ->
    [one] { $shown } nœud n’envoie rien
   *[other] { $shown } nœuds n’envoient rien
  }
strip-in-doubt = { $shown } dans le doute
in-seconds = dans { $n } s
in-minutes = dans { $n } min
in-hours = dans { $n } h
in-days = { $n ->
    [one] dans { $n } jour
   *[other] dans { $n } jours
  }
seconds-ago = il y a { $n } s
minutes-ago = il y a { $n } min
hours-ago = il y a { $n } h
days-ago = { $n ->
    [one] il y a { $n } jour
   *[other] il y a { $n } jours
  }
later = { $ms } ms plus tard
all = Tout afficher
back = Retour
by = Par
reason = Motif
scope = Portée
brands = Marques
channels = Canaux
own = Mon compte
preferences = Préférences
preferences-save = Enregistrer mes préférences
language = Langue
theme = Apparence
theme-auto = Comme l’appareil
theme-light = Claire
theme-dark = Sombre
zone = Fuseau horaire
sessions = Où je suis connecté
this-session = cette session
session-since = depuis le
end-session = Mettre fin à la session ouverte depuis { $origin }
kind-routine = courante
kind-update = point de situation
kind-tip = conseil
kind-notice = avis
kind-correction = rectificatif
post-draft = brouillon
post-submitted = attend une validation
post-approved = validée
post-cancelled = annulée
state-draft = brouillon
state-scheduled = planifiée
state-claimed = la prochaine
state-sending = en cours d’envoi
state-accepted = acceptée
state-started-only = lancée, non confirmée
state-in-doubt = dans le doute
state-failed = échouée
state-held = retenue
state-expired = expirée
state-cancelled = annulée
state-retracted = retirée
severity-minor = mineur
severity-major = majeur
severity-critical = critique
role-operator = opérateur
role-approver = valideur
role-administrator = administrateur
role-auditor = auditeur
role-integrator = intégrateur
role-postmaster = serveur de messagerie
right-read = de lire
right-audit = de lire le journal
right-write = d’écrire
right-freeze = de geler
right-quarantine = de geler aussi les textes de crise
right-test = de tester les canaux
right-decide = de décider
right-approve = de valider
right-administer = d’administrer
right-report = rendre compte
signals = À traiter
signals-none = Rien ne vous attend pour le moment. Les signaux de la surveillance, les points en retard, les doutes, les échecs et les canaux qui ne sont pas prêts apparaissent ici.
signal-overdue = Le point promis pour « { $title } » est en retard
signal-closed = Le nœud « { $name } » n’envoie rien : { $why }
signal-not-sealed = Un gel n’est pas scellé : un nœud ne répond pas
signal-in-doubt = { $n ->
    [one] { $shown } publication est dans le doute : vérifiez si elle est en ligne
   *[other] { $shown } publications sont dans le doute : vérifiez si elles sont en ligne
  }
signal-failed = { $n ->
    [one] { $shown } envoi a échoué
   *[other] { $shown } envois ont échoué
  }
signal-reviews = { $n ->
    [one] { $shown } publication est partie sur la parole d’une seule personne ; une relecture est due
   *[other] { $shown } publications sont parties sur la parole d’une seule personne ; des relectures sont dues
  }
signal-unready = { $name } n’est pas prêt
signal-times = signalé { $shown } fois
signal-see = voir à la source
signal-note = Pourquoi il n’y a rien à faire
signal-dismiss = Écarter ce signal
signal-more = { $n ->
    [one] { $shown } autre signal attend. Il apparaîtra ici quand d’autres seront traités.
   *[other] { $shown } autres signaux attendent. Ils apparaîtront ici quand d’autres seront traités.
  }
signal-all = Tous les signaux
signal-list = Signaux de la surveillance
signal-list-hint = D’abord les signaux en attente, les plus graves en tête ; puis les autres, du plus récent au plus ancien. On peut ouvrir un incident à partir d’un signal qui attend, ou d’un signal terminé avant que quelqu’un ait décidé.
signal-list-none = Aucun système de surveillance n’a encore rien signalé.
signal-state-waiting = attend
signal-state-ended = terminé, personne n’avait décidé
signal-state-dismissed = écarté
signal-state-opened = rattaché à un incident
signal-join = Ou est-ce un incident déjà ouvert ?
signal-join-hint = Le signal est dès lors rattaché à cet incident. S’il est plus grave que l’incident, l’incident prend sa gravité, et ses publications peuvent demander davantage de validations.
signal-join-do = Rattacher à « { $title } »
signal-gone = Ce signal n’attend plus. Ce que vous avez tapé est encore ici, à copier.
signal-sender-disabled = { $name } (désactivé)
signal-sender-gone = quelqu’un qui a été supprimé
signal-full-source = { $source }, signalé par { $name }, a épuisé sa part : ses nouveaux signaux ne sont pas gardés tant que certains ne sont pas traités. Une règle moins bavarde lui laisse de la place.
signal-full-sender = { $name } a épuisé la part d’un expéditeur : ses nouveaux signaux ne sont pas gardés tant que certains ne sont pas traités. Avec les jetons de personnes différentes, chaque système de surveillance a sa propre part.
signal-by = signalé par { $name }
signal-full = { $n ->
    [one] { $shown } signal attend une décision : il n’y a plus de place. Tant qu’il n’est pas traité, seuls les expéditeurs qui ont peu de signaux en attente trouvent encore une place.
   *[other] { $shown } signaux attendent une décision : il n’y a plus de place. Tant que certains ne sont pas traités, seuls les expéditeurs qui ont peu de signaux en attente trouvent encore une place.
  }
signal-over = terminé le
signal-unseen = personne n’avait décidé
signal-over-more = { $n ->
    [one] { $shown } autre signal s’est terminé ces dernières 24 heures sans que personne ait décidé.
   *[other] { $shown } autres signaux se sont terminés ces dernières 24 heures sans que personne ait décidé.
  }
signals-wait = Était-ce l’un de ceux-ci ?
signals-wait-hint = La surveillance les a signalés, et ils attendent une décision. Un incident que vous ouvrez à partir de l’un d’eux reprend ce gel.
signal-from = Signal reçu ({ $source })
signal-decided = Quelqu’un a déjà traité ce signal.
approvals-waiting = À valider
approvals-none = Rien n’attend de validation.
next-day = Les 24 prochaines heures
next-day-count = { $n ->
    [0] Aucun envoi prévu.
    [one] { $shown } envoi prévu.
   *[other] { $shown } envois prévus.
  }
next-day-none = Aucune publication n’est prévue. Écrivez-en une, ou importez-en un mois entier avec « holdline posts import ».
bars-title = Envois de chacune des 24 prochaines heures ; ceux qui sont retenus sont hachurés
channels-ready = Canaux
channels-none = Aucun canal n’est relié. Un administrateur les relie dans les Réglages.
incident-open-start = Il se passe quelque chose
incident-open = Ouvrir un incident
to-incident = Vers l’incident
freeze = Geler
freeze-title = Arrêter tout ce qui est planifié ?
freeze-covered = seront retenues
freeze-next-day = dont prévues dans les 24 heures
freeze-under-way = en cours d’envoi en ce moment
freeze-goes-on = continuent (textes de crise et ce que vous autorisez)
freeze-what = Les publications retenues gardent leur place et ne partent que si quelqu’un le décide. Ce qui part en ce moment même ne peut être rappelé ; vous en verrez l’issue une à une.
freeze-do = { $n ->
    [0] Geler (rien n’est en attente)
    [one] Retenir { $shown } publication
   *[other] Retenir { $shown } publications
  }
freeze-reason = Motif (facultatif)
freeze-mended = Le motif était trop long ou contenait des caractères cachés : il a été raccourci ou nettoyé, et le gel est en vigueur.
freeze-narrow = Ne pas tout retenir
freeze-labels = Seulement les publications portant l’une de ces étiquettes, séparées par des virgules
freeze-allow = Ce qui doit continuer, par étiquette (avis légaux), séparées par des virgules
freeze-crisis-too = Retenir aussi les textes de crise : pour un compte piraté
count-again = Compter à nouveau les publications
frozen-title = Le gel
committed-means = Dès cet instant, plus rien n’obtient la permission de partir.
sealed-means = Dès cet instant, plus rien ne peut commencer : chaque nœud a fermé sa barrière.
not-sealed = PAS ENCORE SCELLÉ
thawed = Levé
held-until-now = Retenues jusqu’ici
in-flight = Était en cours
in-flight-none = Rien n’était en cours quand les barrières se sont fermées.
in-flight-hint = Ces envois avaient commencé quand les barrières se sont fermées. Chacun apparaît à mesure qu’il se règle.
see-it = voir
retract-ask = Retirer du canal { $name }…
retract-why = Pourquoi retirer cet envoi
retract-why-needed = Dites pourquoi ; le journal le garde.
retract-word = RETIRER
retract-do = Retirer du canal { $name }
retract-ask-part = Retirer ce qui est en ligne sur { $name }…
retract-do-part = Retirer ce qui est en ligne sur { $name }
retract-goes-on = Une partie est en ligne sur { $name }, et le reste suit de lui-même. Annulez la publication, ou gelez, puis retirez ce qui est en ligne.
retract-ask-all = Retirer de tous les canaux…
retract-do-all = Retirer de tous les canaux
retract-still-live-on = Toujours en ligne sur { $name } : { $reason }
retract-still-live = Toujours en ligne : { $reason }
retract-by-hand = Je l’ai retiré à la main
retract-by-hand-hint = Là où le réseau ne peut pas le retirer, faites-le vous-même sur place, vérifiez qu’il n’en reste rien, et dites-le : le journal garde votre parole, et l’envoi compte comme retiré.
retract-not-here = Cette page ne contient plus cet envoi.
thaw = Lever le gel
thaw-means = Lever le gel n’envoie rien par lui-même. Ce qui a été retenu jusqu’ici attend dans la revue, et chacune de ces publications demande une décision. Ce qui est prévu plus tard repart à son heure.
thaw-note = Pourquoi il peut être levé
thaw-do = { $n ->
    [0] Lever le gel (rien n’a été retenu jusqu’ici)
    [one] Lever le gel et revoir { $shown } publication retenue
   *[other] Lever le gel et revoir { $shown } publications retenues
  }
scope-everything = toutes les publications courantes
scope-brands = marques : { $list }
scope-channels = canaux : { $list }
scope-labels = étiquettes : { $list }
scope-allow = continue : { $list }
scope-crisis-too = les textes de crise aussi
wrong-password = Ce mot de passe ne convient pas : au moins 12 caractères, et pas un seul caractère répété.
wrong-code = Ce n’est pas le code affiché en ce moment ; attendez le suivant.
wrong-offer = Rechargez la page et scannez l’image à nouveau.
wrong-zone = Ce fuseau horaire est inconnu ; écrivez par exemple Europe/Paris.
wrong-name = Donnez un nom d’au plus 200 caractères.
wrong-email = Donnez une adresse telle que ana@example.org, qui n’est pas encore prise.
