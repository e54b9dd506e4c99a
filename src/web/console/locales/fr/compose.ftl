# Écrire une publication.
compose = Écrire
compose-edit = Modifier
compose-kind = Type
compose-incident = Incident
compose-no-incident = aucun
compose-corrects = Rectifie
compose-revises = Change les mots de
compose-revises-hint = Les nouveaux mots ont besoin d’une validation comme tous les autres. Ils prennent la place des anciens là où le réseau sait modifier une publication ; elle garde son adresse.
compose-revises-channels = Si aucun n’est coché, les mots changent partout où c’est possible.
compose-kept = Où les mots restent tels quels
compose-see-post = Voir la publication
compose-tips = Conseils du plan
compose-voids = Cette publication est validée. L’enregistrer annule la validation ; il en faudra une nouvelle.
compose-stale = Quelqu’un d’autre a modifié cette publication entre-temps. Regardez-la d’abord : si vous enregistrez maintenant, vos mots remplacent les siens.
compose-language-en = Anglais
compose-language-fr = Français
compose-languages-hint = Chaque langue qui a un texte devient une publication. Laissez vide celle dont vous n’avez pas besoin.
compose-title = Titre
compose-text = Texte
compose-parts-hint = Une ligne qui ne contient que --- découpe un texte long. Les réseaux aux messages courts montrent ses parties comme un fil quand le tout n’y tient pas ; tous les autres montrent un seul texte.
part-number = partie { $shown }
part-next = Partie { $shown }, en réponse à la précédente :
compose-own = Un autre texte pour un canal
compose-has-own = son propre texte
compose-own-hint = Un champ vide reprend le texte ci-dessus.
compose-brand = Marque
compose-drill = exercice
compose-channels-hint = Si aucun n’est coché, elle part sur tous les canaux de la marque qui conviennent.
compose-due = Quand (vide : dès la validation)
compose-due-hint = Les heures sont en { $zone }. Le prochain point est promis à partir du départ de celui-ci.
compose-promise = Prochain point promis
compose-promise-none = pas de promesse
compose-promise-at = à une heure donnée
compose-promise-time = À cette heure
compose-tomorrow = dans 24 heures
compose-hours = { $n ->
    [one] dans { $shown } heure
   *[other] dans { $shown } heures
  }
compose-minutes = { $n ->
    [one] dans { $shown } minute
   *[other] dans { $shown } minutes
  }
compose-more = Étiquettes, expiration, répétition
compose-labels = Étiquettes, séparées par des virgules
compose-expiry = Pas après
compose-recurrence = Répétition (publications courantes)
compose-recurrence-hint = Cinq champs comme dans cron : « 0 9 * * 1-5 » veut dire neuf heures du lundi au vendredi.
compose-pictures = Images
compose-choose = Choisir des images (PNG, JPEG, GIF ou WebP, 5 Mio chacune, quatre à la fois)
compose-upload = Ajouter les images choisies
compose-pictures-hint = Une fois ajoutées, dites ce que chacune montre.
compose-alt = Ce qu’elle montre
compose-drop = La retirer
compose-submit = Soumettre à validation
compose-save = Enregistrer le brouillon
compose-look = Aperçu de chaque canal
compose-preview = Ce que reçoit chaque canal
compose-fits = Convient partout
compose-to-mend = { $n ->
    [one] { $shown } point à corriger
   *[other] { $shown } points à corriger
  }
compose-nothing-yet = Rien n’est encore écrit.
compose-blanks = Encore à remplir : { $list }
compose-link = Lien : { $link }
compose-numbers-same = Les nombres sont les mêmes dans les deux langues.
compose-numbers-differ = Dans une seule langue : { $list }
compose-alt-missing = { $n ->
    [one] { $shown } image n’a pas de texte pour qui ne la voit pas
   *[other] { $shown } images n’ont pas de texte pour qui ne les voit pas
  }
compose-promise-there = Elle dit quand viendra le prochain point.
compose-promise-missing = Un point de situation doit dire quand viendra le suivant, tant que l’incident est ouvert.
compose-left-out = Pas sur : { $names }
compose-unit-characters = caractères
compose-unit-graphemes = caractères
compose-unit-mastodon = caractères (un lien en vaut 23)
compose-unit-charactersandtitle = caractères, titre compris
compose-unit-bytes = octets
compose-unit-matrix = octets du message (avec des images, le texte compte deux fois)
compose-unit-utf16 = caractères (un émoji en vaut souvent 2)
compose-unit-telegram = caractères (un émoji en vaut souvent 2 ; avec des images, il y a place pour 1 024)
compose-unit-sms = caractères (un émoji compte 2)
compose-unit-instagram = caractères (un émoji en vaut souvent 2)
compose-unit-threads = caractères (un émoji compte par ses octets, souvent 4)
compose-unit-linkedin = caractères comptés comme LinkedIn peut le faire (un émoji en vaut souvent 2, un signe comme _ ou ( en vaut 2)
compose-unit-x = caractères pesés comme X (un caractère chinois, japonais ou coréen et un émoji en valent 2, un lien 23)
compose-unit-slack = caractères selon le décompte de Slack (un émoji en vaut souvent 2, & en vaut 5, < et > en valent 4, un lien 2 de plus)
compose-unit-discord = caractères selon le décompte de Discord (un émoji en vaut souvent 2, un signe comme * en vaut 2, un lien 2 de plus)
compose-empty = Le texte est vide.
compose-title-needed = Il faut ici un titre : c’est l’objet ou la manchette.
compose-alt-needed = Chaque image a besoin d’un texte pour qui ne la voit pas.
compose-sms = { $n ->
    [one] Un message par destinataire.
   *[other] { $shown } messages par destinataire, que le téléphone réunit.
  }
compose-sms-letter = « { $letter } » n’est pas dans l’alphabet des SMS : un message contient alors 70 caractères au lieu de 160.
compose-thread-x = X peut refuser la deuxième partie ; alors la première reste seule.
compose-pictures-many = { $n ->
    [one] Ce canal ne prend pas d’image.
   *[other] { $shown } images, c’est trop pour ce canal.
  }
compose-text-over = { $n ->
    [one] Le texte a { $shown } caractère de trop.
   *[other] Le texte a { $shown } caractères de trop.
  }
compose-title-over = { $n ->
    [one] Le titre a { $shown } caractère de trop.
   *[other] Le titre a { $shown } caractères de trop.
  }
compose-bytes-over = { $n ->
    [one] Le texte a { $shown } octet de trop.
   *[other] Le texte a { $shown } octets de trop.
  }
wrong-post-kind = Le type ne peut plus changer ; annulez cette publication et écrivez-en une autre.
wrong-post-incident = Choisissez un incident ouvert ; seule une publication courante peut s’en passer, et un incident clos n’accepte plus qu’un dernier point ou un rectificatif.
wrong-post-channels = Un canal coché ne convient pas : il est désactivé, réservé aux exercices, ou ne montre que les incidents.
wrong-post-due = Cette heure ne convient pas : elle n’existe pas, revient deux fois au changement d’heure, ou n’est pas à venir.
wrong-post-zone = Ce fuseau horaire est inconnu ; écrivez par exemple Europe/Paris.
wrong-post-valid-until = L’expiration doit venir après l’heure d’envoi.
wrong-post-promise = Dites quand viendra le prochain point : après l’heure d’envoi, et seulement tant que l’incident est ouvert.
wrong-post-recurrence = Cette répétition ne peut pas être lue ; écrivez par exemple 0 9 * * 1-5.
wrong-post-source = Le texte ne convient pas à tous les canaux : voyez l’aperçu.
wrong-post-picture = Envoyez une image PNG, JPEG, GIF ou WebP d’au plus 5 Mio.
