# Le calendrier.
calendar-view-month = Mois
calendar-view-week = Semaine
calendar-view-list = Liste
calendar-day = Jour
calendar-channel = Canal
calendar-all = tous
calendar-label = Étiquette
calendar-show = Afficher ces publications
calendar-before = Avant
calendar-today = Aujourd’hui
calendar-after = Après
calendar-is-today = aujourd’hui
calendar-zone = Les jours et les heures sont en { $zone }.
calendar-none = Aucune publication n’est prévue ces jours-là. Écrivez-en une, ou importez-en un mois entier avec « holdline posts import ».
calendar-none-narrow = Aucune publication de ces jours ne porte cette étiquette sur ce canal.
calendar-more = Les publications suivantes
calendar-count = { $n ->
    [one] { $shown } publication
   *[other] { $shown } publications
  }
calendar-held = { $n ->
    [one] { $shown } retenue
   *[other] { $shown } retenues
  }
calendar-others = { $n ->
    [one] { $shown } autre
   *[other] { $shown } autres
  }
calendar-held-by = Retenue par « { $what } »
calendar-held-freeze = Retenue par le gel du { $at }
calendar-held-why = Retenue : { $why }
calendar-goes = part le
calendar-move = Déplacer…
look-draft = brouillon
look-submitted = attend une validation
look-planned = planifiée
look-held = retenue
look-trouble = à traiter
look-out = en ligne
