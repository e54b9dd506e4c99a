incidents-none = Aucun incident jusqu’ici. Souhaitons que cela dure ; s’il se passe quelque chose, commencez ici.
incident-is-open = en cours
incident-is-resolved = clos
opened = ouvert le
what-happened = Que se passe-t-il ?
what-happened-hint = Un clic ouvre l’incident et apporte ses premiers mots, que vous complétez.
open-freezes = Ouvrir un incident gèle aussitôt tout ce qui est planifié.
open-freezes-part = Seule une partie est gelée ({ $scope }). Ouvrir un incident gèle aussitôt tout le reste aussi.
open-own = Autre chose, ou un autre titre
open-no-freeze = Ne pas geler
open-without-plan = Ouvrir l’incident sans plan
open-with-plan = Ouvrir l’incident avec le plan : { $title }
open-plans = Ou avec l’un de ces plans
incident-title = Titre
incident-title-hint = Pour votre équipe ; le public ne le voit pas.
severity = Gravité
severity-of-plan = Comme le dit le plan ; sans plan : { $severity }
severity-of-signal = La plus élevée des deux : signal ({ $severity }) ou plan
severity-chosen-hint = La gravité que vous choisissez ici l’emporte sur celle des boutons.
open-adopts = Le gel du { $time } devient celui de cet incident ; rien d’autre n’est gelé.
open-adopts-part = Ce gel ne couvre qu’une partie ({ $scope }) ; il devient celui de cet incident. Tout le reste de ce qui est planifié est aussitôt gelé lui aussi.
open-adopts-both = Ce gel ne couvre qu’une partie ({ $scope }) ; il devient celui de cet incident, tout comme le gel complet du { $time } ; rien d’autre n’est gelé.
open-allowed = Les publications portant ces étiquettes continuent, comme ce gel le permet : { $list }.
open-allowed-not = Les geler aussi
open-leave = Ne pas toucher à ce gel ; l’incident n’aura pas le sien
open-only-part = S’en tenir à cette partie ({ $scope }) ; ne pas tout geler
open-adopts-see = Voir ce qu’il couvre
first-words-in = { $n ->
    [one] premiers mots en une minute
   *[other] premiers mots en { $n } minutes
  }
freeze-lifted = gel levé
public-page = Page publique
clock-open = ouvert depuis
clock-last = dernier point publié
clock-first = premiers mots attendus
clock-next = prochain point promis
late = en retard
write-update = Écrire un point de situation
write-notice = Écrire aux clients
write-tip = Conseil : { $title }
write-a-tip = Écrire un conseil
matrix = Où en est chaque texte
matrix-none-closed = Aucun texte n’a été écrit pour cet incident.
matrix-none = Aucun texte encore. Écrivez les premiers mots : ce qui s’est passé, ce que vous faites, ce que chacun doit faire.
matrix-as-table = La même chose en tableau
matrix-texts = { $n ->
    [one] { $shown } texte
   *[other] { $shown } textes
  }
matrix-channels = { $n ->
    [one] { $shown } canal
   *[other] { $shown } canaux
  }
matrix-summary = { $texts } sur { $channels } : { $states }
matrix-cell = { $text }, { $channel } : { $state }
text = Texte
act = Actions
correct-it = Rectifier
timeline = Ce qui s’est passé, et quand
timeline-picture = L’incident sur une ligne de temps : les gels en dessous, ce qui est parti sur la ligne, ce qui a échoué au-dessus, et un anneau pour le prochain point promis
plan = Plan : { $title }
note = Note
note-text = Pour l’équipe ; elle figure au journal
note-do = Ajouter 1 note
promise = Le prochain point
promise-at = Promis pour ({ $zone })
promise-do = Promettre cette heure
resolve = Clore l’incident
resolve-hint = Les points et conseils qui ne sont pas encore partis sont retenus ou redeviennent des brouillons. Le gel reste en vigueur jusqu’à ce qu’il soit levé.
resolve-comment = Comment cela s’est terminé
resolve-word = clore
resolve-do = Clore l’incident
type-word = Saisissez « { $word } » pour confirmer
word-wrong = Ce n’est pas le mot demandé.
what-opened = Incident ouvert
what-joined = Signal rattaché
what-raised = Gravité relevée
what-committed = Gel COMMITTED (décidé)
what-sealed = Gel SEALED (scellé)
what-written = Écrit
what-approved = Validé
what-rejected = Renvoyé
what-glass-broken = Publié sur la parole d’une seule personne
what-accepted = En ligne
what-in-doubt = Dans le doute
what-failed = Échec
what-note = Note
what-step-done = Étape faite
what-thawed = Gel levé
what-resolved = Incident clos
approval = Lire et décider
approvals-none-long = Rien n’attend de validation. Ce qui est soumis apparaît ici, avec le texte exact de chaque canal.
read-it = Lire
lapsed = validation expirée
due = prévu le
labels = Étiquettes
promises = Promet le prochain point
valid-until = Pas après
recurrence = Se répète
needed = Validations requises
needed-count = { $n ->
    [one] { $n } personne autre que ses auteurs
   *[other] { $n } personnes autres que ses auteurs
  }
against-out = Ce qui change dans les mots publiés
against-last = Ce qui change depuis le dernier texte validé
against-playbook = Ce qui change par rapport aux premiers mots du plan
void = sans effet
decision-approve = validé
decision-reject = renvoyé
decision-break-glass = vitre brisée
own-text = Vous avez écrit ce texte : une autre personne le valide.
approval-unready = Un canal n’est plus prêt : voyez ci-dessous. Rien n’a été validé. Validez de nouveau si la publication doit partir tout de même.
misfit = Un canal accepte moins qu’au moment de la rédaction : ce texte ne peut pas être validé tel quel. Renvoyez-le pour qu’il soit modifié.
misfit-lapsed = Un canal accepte moins qu’au moment de la rédaction : ce texte ne peut pas être validé de nouveau. Annulez ce qui est retenu pour ce canal.
approve-do = { $n ->
    [one] Valider { $n } texte pour son heure
   *[other] Valider { $n } textes pour leur heure
  }
approve-now-do = { $n ->
    [one] Valider { $n } texte et publier maintenant
   *[other] Valider { $n } textes et publier maintenant
  }
comment = Commentaire (nécessaire pour renvoyer)
reject-do = { $n ->
    [one] Renvoyer { $n } texte à l’auteur
   *[other] Renvoyer { $n } textes à l’auteur
  }
glass-do = { $n ->
    [one] Briser la vitre : publier { $n } texte sur ma seule parole
   *[other] Briser la vitre : publier { $n } textes sur ma seule parole
  }
glass-hint = Pour une urgence, quand personne d’autre n’est joignable. Le journal le signale bien haut, et quelqu’un d’autre doit relire.
reviews-owed = Relectures dues
reviews-owed-hint = Ces textes sont partis sur la parole d’une seule personne. Ni elle ni l’auteur ne les relit.
glass-broken-at = Publié le
review-comment = Votre avis
review-do = Relire 1 texte
sent-told = Soumis. Les valideurs sont prévenus par e-mail ; voici le lien vers le texte exact :
sent-waits = Soumis. Donnez ce lien vers le texte exact à un valideur :
approve-more-do = { $n ->
    [one] Valider { $n } texte ; une autre personne doit le faire aussi
   *[other] Valider { $n } textes ; une autre personne doit le faire aussi
  }
approve-held-do = { $n ->
    [one] Valider { $n } texte ; il attendra dans les publications retenues
   *[other] Valider { $n } textes ; ils attendront dans les publications retenues
  }
