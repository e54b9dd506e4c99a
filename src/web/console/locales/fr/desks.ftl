# La revue du dégel, le bureau des doutes et le journal.
set-optional = (facultatif)
desk-previous = Page précédente
desk-pages = Pages
desk-next = Page suivante
desk-first = Première page
desk-type-word = Saisissez { $word } pour confirmer
desk-type-wrong = Saisissez { $word } ici. Rien n’a été modifié.

held-title = Revue du dégel
held-states = Ce qui attend
held-state-held = Retenues
held-state-failed = Échouées
held-state-expired = Expirées
held-means-held = Rien ici ne part tout seul. Chaque publication demande une décision : l’envoyer maintenant, la déplacer, la modifier ou l’annuler.
held-means-failed = Elles ont été refusées définitivement ou essayées trop souvent. Envoyez-les à nouveau une fois la cause levée, ou annulez-les.
held-means-expired = Le moment après lequel elles ne doivent plus partir est passé. Modifiez-les ou annulez-les.
held-none-held = Rien n’est retenu. Quand un gel retient des publications, elles attendent ici, à leur place, jusqu’à ce que quelqu’un décide.
held-none-failed = Rien n’a échoué.
held-none-expired = Rien n’a expiré.
held-tick = Choisir : { $text }
held-was-due = prévue le
held-by-freeze = retenue par un gel
held-edit = Modifier cette publication
held-cancel-ask = Annuler cette publication…
held-another-time = Une autre date
held-at = Date et heure
held-spread = Minutes entre deux publications sur un même canal
held-spread-wrong = Donnez un nombre de minutes entre 0 et 1440.
held-release = { $n ->
    [one] Envoyer { $shown } publication maintenant
   *[other] Envoyer { $shown } publications maintenant
  }
held-reschedule = { $n ->
    [one] Déplacer { $shown } publication
   *[other] Déplacer { $shown } publications
  }
held-cancel = { $n ->
    [one] Annuler { $shown } publication
   *[other] Annuler { $shown } publications
  }
held-decide-ticked = Décider du sort des publications cochées
held-decide-page = { $n ->
    [one] Décider du sort de la publication de cette page
   *[other] Décider du sort des { $shown } publications de cette page
  }
held-decide-label = { $n ->
    [one] Décider du sort de { $shown } publication portant cette étiquette
   *[other] Décider du sort des { $shown } publications portant cette étiquette
  }
held-decide-title = { $n ->
    [one] Une publication : que devient-elle ?
   *[other] { $shown } publications : que deviennent-elles ?
  }
held-with-label = Toutes les publications retenues portant l’étiquette « { $label } ».
held-more = { $n ->
    [one] Et { $shown } autre.
   *[other] Et { $shown } autres.
  }
held-release-title = Envoyer maintenant
held-release-means = Elles partent aussitôt, espacées comme vous l’indiquez ici. Tant qu’un gel les couvre, rien n’est envoyé.
held-cancel-title = Annuler
held-cancel-means = Ce qui est annulé ne part jamais. C’est irrévocable ; les publications restent lisibles dans le journal.
held-word = ANNULER
held-done = { $n ->
    [one] { $shown } publication a été modifiée.
   *[other] { $shown } publications ont été modifiées.
  }
held-done-release = { $n ->
    [one] { $shown } publication part maintenant.
   *[other] { $shown } publications partent dès maintenant.
  }
held-done-reschedule = { $n ->
    [one] { $shown } publication a une nouvelle date.
   *[other] { $shown } publications ont une nouvelle date.
  }
held-done-cancel = { $n ->
    [one] { $shown } publication est annulée.
   *[other] { $shown } publications sont annulées.
  }
held-left = { $n ->
    [one] { $shown } publication est restée telle quelle
   *[other] { $shown } publications sont restées telles quelles
  }
held-post = Publication
held-channel = Canal
held-why = Pourquoi
held-back = Retour à la revue
held-labels = Étiquettes

doubt-title = Dans le doute
doubt-one = Une publication dans le doute
doubt-means = Ces envois sont partis, et aucune réponse complète n’est revenue. Holdline ne renvoie jamais au hasard : il relit, et quand cela ne prouve rien, une personne décide.
doubt-none = Aucun doute. Quand un réseau s’interrompt au milieu d’une réponse, la publication attend ici jusqu’à ce que l’on sache si elle est en ligne.
doubt-sent = Ce que nous avons envoyé
doubt-saw = Ce que nous avons vu
doubt-begun = Début de l’envoi
doubt-reads = Relectures
doubt-reads-count = { $n ->
    [0] Pas encore.
    [one] Une fois.
   *[other] { $shown } fois.
  }
doubt-absent = { $n ->
    [0] La dernière fois, ce n’était pas clair.
    [one] La dernière fois, elle n’y était pas.
   *[other] Les { $shown } dernières fois, elle n’y était pas.
  }
doubt-seen = Dernière réponse
doubt-next = Prochaine relecture
doubt-next-none = aucune : relire ne prouve rien ici, une personne décide
doubt-unreadable = ce canal ne peut pas être relu ; une personne décide
doubt-look = Regarder là-bas
doubt-no-attempt = Il n’y a pas eu de tentative.
doubt-attempt = Tentative
doubt-to-post = La publication entière
doubt-read-now = Relire cette publication maintenant
doubt-decide = Décider
doubt-decide-do = Décider du sort de cette publication
doubt-see = Afficher cette publication
doubt-decide-hint = Regardez le canal lui-même avant de décider. Votre nom et votre note figurent au journal.
doubt-note = Ce que vous avez vu, et où
doubt-url = Son adresse, si elle y est
doubt-there = Elle y est
doubt-not-there = Elle n’y est pas, ne pas réessayer
doubt-again = Elle n’y est pas, réessayer
doubt-down = Il n’en reste rien
doubt-withdrawn = Quelqu’un a voulu la retirer, elle n’est donc plus envoyée : écrivez une nouvelle publication.
doubt-again-hint = Réessayer l’envoie une fois de plus. Si elle y est malgré tout, on la lira deux fois.
doubt-words-one = D’autres mots dans le doute
doubt-words-decide-hint = Regardez la publication sur le canal lui-même avant de décider : quels mots a-t-elle ? Votre nom et votre note figurent au journal.
doubt-words-there = Elle a les nouveaux mots
doubt-words-not-there = Elle ne les a pas, ne pas réessayer
doubt-words-again = Elle ne les a pas, réessayer
doubt-words-again-hint = Réessayer écrit les mêmes mots une fois de plus dans la même publication.
doubt-settled = C’est réglé ; il n’y a plus de doute.
started-settle = Dire si elle est en place
started-one = Une publication seulement lancée
started-hint = Dès que quelqu’un l’a vue, elle tient sa promesse. Si elle n’y est pas, elle a échoué, et n’est pas réessayée d’elle-même.
doubt-back = Tous les doutes

log-title = Le journal
log-proof = Preuve
log-size = { $n ->
    [one] Le journal compte { $shown } entrée.
   *[other] Le journal compte { $shown } entrées.
  }
log-proof-hint = Chaque modification est une entrée d’un arbre de hachages dont la racine est signée. Pour vérifier sans faire confiance à ce service, exportez-le et lancez « holdline audit verify », avec une clé et un point de contrôle gardés ailleurs.
log-verify = { $n ->
    [one] Vérifier { $shown } entrée
   *[other] Vérifier les { $shown } entrées
  }
log-export = { $n ->
    [one] Exporter { $shown } entrée
   *[other] Exporter les { $shown } entrées
  }
log-verified = Le journal est intact
log-broken = Le journal NE se vérifie PAS
log-broken-hint = Laissez cette base et ses sauvegardes en l’état, et comparez avec un export que vous avez gardé. Entrées et durée :
log-entries = Entrées
log-first = Première entrée
log-last = Dernière entrée
log-root = Racine
log-origin = Journal
log-key = Clé
log-kept = Point de contrôle gardé
log-kept-size = le journal prolonge celui de { $size } entrées
log-took = Durée
log-what = Chaque entrée a été exportée, relue et hachée ; l’arbre mène à la racine du point de contrôle signé ; aucune entrée ne manque ni ne figure deux fois. C’est ce service lui-même qui l’a fait : qui ne lui fait pas confiance vérifie un export.
log-checkpoint = Dernier point de contrôle, à copier
log-checkpoint-hint = Gardez-le là où personne de ce service ne peut le modifier. Un journal coupé ou réécrit ensuite ne lui correspond plus.
log-list = Entrées
log-verb = Verbe, ou son début
log-subject = À propos de
log-actor = Par
log-anybody = Tout le monde
log-from = Du
log-to = Au
log-filter = Afficher ces entrées
log-none = Aucune entrée ne correspond. Élargissez le filtre.
log-same = tout à ce sujet
log-origin-of = depuis
log-before = Avant
log-after = Après
log-older = Entrées plus anciennes
log-node = le service sur { $name }
wrong-held-at = Donnez une date à venir ; une publication retenue n’est jamais envoyée dans le passé. Une heure qui n’existe pas ou existe deux fois au changement d’heure ne convient pas.
wrong-held-spread = Donnez un nombre de minutes entre 0 et 1440.
wrong-doubt-note = Dites ce que vous avez vu, et où.
wrong-doubt-url = Écrivez l’adresse entière, qui commence par https://.
wrong-log-day = Cette date ne peut pas être lue ; écrivez par exemple 2026-12-01.
sweep-title = Programmé sur les réseaux
sweep-hint = Ce qui est programmé là-bas n’attend pas Holdline. C’est noté, retiré du programme, et recherché de nouveau tant que le gel est en vigueur : chaque minute, ou à l’heure indiquée à côté.
sweep-again = prochaine lecture
sweep-waits = pas encore regardé
sweep-problem = Le programme n’a pas pu être lu :
sweep-listed = { $n ->
    [0] Rien n’est au programme.
    [one] { $shown } publication était au programme.
   *[other] { $shown } publications étaient au programme.
  }
sweep-more = Il y en a d’autres ; voici les premières dans l’ordre de leurs heures.
swept-whole = Programmée sur un réseau
swept-snapshot = Tout ce qui en a été gardé
swept-title = Retenues sur les réseaux
swept-means = Quelqu’un les a programmées sur le réseau lui-même. Chacune demande une décision : la remettre au programme à une nouvelle heure, ou jamais. Rien n’y retourne de soi-même.
swept-until = Retenue là jusqu’au
swept-none = Rien n’est retenu sur un réseau.
swept-under-way = En cours
swept-also = { $n ->
    [one] { $shown } publication est retenue sur un réseau
   *[other] { $shown } publications sont retenues sur des réseaux
  }
swept-done = { $n ->
    [one] { $shown } publication a reçu sa décision, qui est exécutée maintenant.
   *[other] { $shown } publications ont reçu leur décision, qui est exécutée maintenant.
  }
swept-restore = Remettre les publications cochées à cette heure
swept-drop-ask = Les publications cochées ne partiront jamais…
swept-drop-means = Là où le réseau connaît les brouillons, elles y restent en brouillon. Ailleurs elles sont supprimées ; leurs mots restent dans la liste du gel.
swept-word = ABANDONNER
swept-drop = Abandonner les publications cochées
swept-found = trouvée, pas encore touchée
swept-holding = en train d’être retenue
swept-held = retenue
swept-gone-out = partie, ou disparue
swept-could-not = pas retenue
swept-left = laissée telle quelle
swept-restoring = en train d’être remise
swept-restored = remise au programme
swept-dropping = en train d’être abandonnée
swept-dropped = abandonnée
