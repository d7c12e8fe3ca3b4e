/**
 * Emoji by group, in the order in which they are shown: the emoji, its short names, then other English and Spanish words for it.
 * The flags of countries follow from their codes, so they are not here.
 */
export const EMOJI_TABLE = {
  smileys: `
😀 grinning|smile happy feliz sonrisa cara
😃 smiley|smile happy joy feliz sonrisa
😄 smile|happy joy laugh feliz sonrisa
😁 grin|beaming happy teeth sonrisa dientes
😆 laughing satisfied|haha lol risa
😅 sweat_smile|phew nervous relief sudor nervios
🤣 rofl|laugh floor lol risa carcajada
😂 joy|laugh tears lol haha risa llorar lágrimas
🙂 slightly_smiling_face|smile fine sonrisa
🙃 upside_down_face|irony sarcasm silly revés ironía
🫠 melting_face|hot embarrassed derretirse
😉 wink|flirt joke guiño
😊 blush|smile happy shy sonrojo feliz
😇 innocent angel|halo good ángel inocente
🥰 smiling_face_with_hearts|love adore amor enamorado
😍 heart_eyes|love amor enamorado
🤩 star_struck|wow excited estrella asombro
😘 kissing_heart|kiss love beso
😗 kissing|kiss beso
☺️ relaxed|smile happy sonrisa tranquilo
😚 kissing_closed_eyes|kiss beso
😙 kissing_smiling_eyes|kiss beso
🥲 smiling_face_with_tear|grateful touched lágrima
😋 yum|tasty delicious tongue rico delicioso
😛 stuck_out_tongue|playful lengua
😜 stuck_out_tongue_winking_eye|joke crazy lengua guiño
🤪 zany_face|crazy goofy loco
😝 stuck_out_tongue_closed_eyes|playful lengua
🤑 money_mouth_face|rich dinero
🤗 hugs hugging_face|hug abrazo
🤭 hand_over_mouth|oops giggle ups risita
🫢 face_with_open_eyes_and_hand_over_mouth|gasp sorpresa
🫣 face_with_peeking_eye|peek scared mirar
🤫 shushing_face|quiet secret silencio
🤔 thinking thinking_face|hmm wonder pensar
🫡 saluting_face|salute yes sir saludo
🤐 zipper_mouth_face|secret quiet callado
🤨 raised_eyebrow|sceptical doubt duda ceja
😐 neutral_face|meh neutral
😑 expressionless|meh blank inexpresivo
😶 no_mouth|silent speechless sin palabras
🫥 dotted_line_face|invisible hidden invisible
😶‍🌫️ face_in_clouds|fog absent niebla
😏 smirk|smug pícaro
😒 unamused|annoyed molesto
🙄 roll_eyes|annoyed whatever ojos
😬 grimacing|awkward nervous teeth mueca
😮‍💨 face_exhaling|sigh relief suspiro
🤥 lying_face|lie pinocchio mentira
😌 relieved|calm peaceful aliviado
😔 pensive|sad triste
😪 sleepy|tired sueño
🤤 drooling_face|hungry baba
😴 sleeping|sleep zzz tired dormir sueño
😷 mask|ill sick doctor mascarilla enfermo
🤒 face_with_thermometer|ill sick fever fiebre enfermo
🤕 face_with_head_bandage|hurt herido
🤢 nauseated_face|sick disgusted náuseas asco
🤮 vomiting_face|sick vómito
🤧 sneezing_face|cold estornudo resfriado
🥵 hot_face|heat sweating calor
🥶 cold_face|freezing frío
🥴 woozy_face|drunk dizzy mareado
😵 dizzy_face|dead mareado
😵‍💫 face_with_spiral_eyes|dizzy hypnotized mareado
🤯 exploding_head|mind blown shocked cabeza explotar
🤠 cowboy_hat_face|hat vaquero
🥳 partying_face|party celebrate birthday fiesta cumpleaños
🥸 disguised_face|glasses moustache disfraz
😎 sunglasses|cool gafas guay
🤓 nerd_face|geek glasses empollón gafas
🧐 monocle_face|look inspect monóculo
😕 confused|unsure confundido
🫤 face_with_diagonal_mouth|unsure meh indeciso
😟 worried|concerned preocupado
🙁 slightly_frowning_face|sad triste
☹️ frowning_face|sad triste
😮 open_mouth|wow surprise sorpresa
😯 hushed|surprise sorpresa
😲 astonished|wow shocked asombro
😳 flushed|embarrassed shy vergüenza
🥺 pleading_face|please puppy begging por favor súplica
🥹 face_holding_back_tears|touched proud emocionado
😦 frowning|shocked sorpresa
😧 anguished|pain angustia
😨 fearful|scared miedo
😰 cold_sweat|anxious nervous sudor nervios
😥 disappointed_relieved|sad phew triste
😢 cry|sad tear llorar triste
😭 sob|cry sad loudly llorar triste
😱 scream|fear shocked grito miedo
😖 confounded|frustrated frustrado
😣 persevere|struggling aguantar
😞 disappointed|sad decepción triste
😓 sweat|hard work sudor
😩 weary|tired cansado
😫 tired_face|exhausted cansado
🥱 yawning_face|tired bored bostezo
😤 triumph|huff steam bufido
😡 rage pout|angry mad enfado furia
😠 angry|mad enfado
🤬 cursing_face|swearing angry insulto enfado
😈 smiling_imp|devil evil diablo
👿 imp|devil angry diablo
💀 skull|dead death calavera muerte
☠️ skull_and_crossbones|danger pirate calavera
💩 poop hankey|crap caca
🤡 clown_face|circus payaso
👹 ogre japanese_ogre|monster ogro
👺 goblin japanese_goblin|monster duende
👻 ghost|halloween boo fantasma
👽 alien|ufo space extraterrestre
👾 space_invader|game monster juego
🤖 robot|bot robot
😺 smiley_cat|cat happy gato
😸 smile_cat|cat gato
😹 joy_cat|cat laugh gato risa
😻 heart_eyes_cat|cat love gato amor
😼 smirk_cat|cat gato
😽 kissing_cat|cat kiss gato beso
🙀 scream_cat|cat fear gato miedo
😿 crying_cat_face|cat sad gato triste
😾 pouting_cat|cat angry gato enfado
🙈 see_no_evil|monkey shy mono
🙉 hear_no_evil|monkey mono
🙊 speak_no_evil|monkey secret mono secreto
💋 kiss|lips beso
💯 100|hundred perfect score cien perfecto
💢 anger|mad enfado
💥 boom collision|explosion explosión
💫 dizzy|star estrella
💦 sweat_drops|water splash agua gotas
💨 dash|wind fast viento rápido
🕳️ hole|agujero
💬 speech_balloon|talk chat comment hablar mensaje
🗨️ left_speech_bubble
🗯️ right_anger_bubble
💭 thought_balloon|think pensar
💤 zzz|sleep dormir
💌 love_letter|mail heart carta amor
💘 cupid|heart arrow love amor flecha
💝 gift_heart|love corazón regalo
💖 sparkling_heart|love corazón amor
💗 heartpulse|love growing corazón amor
💓 heartbeat|love corazón latido
💞 revolving_hearts|love corazones
💕 two_hearts|love corazones amor
💟 heart_decoration|corazón
❣️ heart_exclamation|corazón
💔 broken_heart|sad corazón roto
❤️‍🔥 heart_on_fire|passion corazón fuego
❤️‍🩹 mending_heart|healing corazón
❤️ heart red_heart|love corazón amor rojo
🧡 orange_heart|love corazón naranja
💛 yellow_heart|love corazón amarillo
💚 green_heart|love corazón verde
💙 blue_heart|love corazón azul
💜 purple_heart|love corazón morado
🤎 brown_heart|love corazón marrón
🖤 black_heart|love corazón negro
🤍 white_heart|love corazón blanco`,
  people: `
👋 wave|hello hi bye hola adiós saludo
🤚 raised_back_of_hand|stop mano
🖐️ raised_hand_with_fingers_splayed|five mano
✋ hand raised_hand|stop high five mano alto
🖖 vulcan_salute|spock saludo
🫱 rightwards_hand
🫲 leftwards_hand
🫳 palm_down_hand
🫴 palm_up_hand
👌 ok_hand|perfect perfecto vale
🤌 pinched_fingers|italian dedos
🤏 pinching_hand|small little poco
✌️ v victory|peace paz victoria
🤞 crossed_fingers|luck hope suerte
🫰 hand_with_index_finger_and_thumb_crossed|love money dedos
🤟 love_you_gesture|rock te quiero
🤘 metal|rock horns rock
🤙 call_me_hand|shaka phone llámame
👈 point_left|left izquierda
👉 point_right|right derecha
👆 point_up_2|up arriba
🖕 middle_finger fu|rude dedo
👇 point_down|down abajo
☝️ point_up|up one arriba uno
🫵 index_pointing_at_the_viewer|you tú
👍 +1 thumbsup thumbs_up|yes like good ok agree sí bien pulgar vale gusta
👎 -1 thumbsdown thumbs_down|no bad dislike no mal pulgar
✊ fist|power puño
👊 facepunch punch|fist bump puño
🤛 fist_left|bump puño
🤜 fist_right|bump puño
👏 clap|applause bravo aplauso bravo
🙌 raised_hands|hooray celebrate praise viva manos
🫶 heart_hands|love corazón manos
👐 open_hands|hug manos
🤲 palms_up_together|prayer manos
🤝 handshake|deal agreement trato acuerdo
🙏 pray|please thanks thank you gracias por favor rezar
✍️ writing_hand|write escribir
💅 nail_care|polish uñas
🤳 selfie|phone selfi
💪 muscle|strong arm fuerza músculo
🦾 mechanical_arm|robot brazo
🦿 mechanical_leg
🦵 leg
🦶 foot
👂 ear|hear listen oreja
🦻 ear_with_hearing_aid
👃 nose|smell nariz
🧠 brain|smart mind cerebro
🫀 anatomical_heart
🫁 lungs
🦷 tooth|dentist diente
🦴 bone
👀 eyes|look see ojos mirar
👁️ eye|look ojo
👅 tongue|lick lengua
👄 lips|mouth boca labios
🫦 biting_lip
👶 baby|child bebé
🧒 child|niño
👦 boy|niño chico
👧 girl|niña chica
🧑 adult|person persona
👱 person_with_blond_hair
👨 man|hombre
🧔 bearded_person
👩 woman|mujer
🧓 older_adult|old mayor
👴 older_man|grandpa abuelo
👵 older_woman|grandma abuela
🙍 person_frowning
🙎 person_with_pouting_face
🙅 no_good|no stop no
🙆 ok_woman|ok yes vale
💁 information_desk_person tipping_hand_person|info información
🙋 raising_hand|me question yo mano
🧏 deaf_person
🙇 bow|sorry thanks perdón
🤦 facepalm|oh no qué vergüenza
🤦‍♂️ man_facepalming|facepalm
🤦‍♀️ woman_facepalming|facepalm
🤷 shrug|dunno whatever ni idea
🤷‍♂️ man_shrugging|shrug ni idea
🤷‍♀️ woman_shrugging|shrug ni idea
🧑‍⚕️ health_worker|doctor nurse médico
🧑‍🎓 student|graduate estudiante
🧑‍🏫 teacher|school profesor
🧑‍⚖️ judge|law juez
🧑‍🌾 farmer|garden agricultor
🧑‍🍳 cook|chef kitchen cocinero
🧑‍🔧 mechanic|repair mecánico
🧑‍🏭 factory_worker|obrero
🧑‍💼 office_worker|business oficina
🧑‍🔬 scientist|lab científico
🧑‍💻 technologist|coder developer computer programador
👨‍💻 man_technologist|coder developer computer programador
👩‍💻 woman_technologist|coder developer computer programadora
🧑‍🎤 singer|music cantante
🧑‍🎨 artist|painter artista
🧑‍✈️ pilot|plane piloto
🧑‍🚀 astronaut|space astronauta
🧑‍🚒 firefighter|fire bombero
👮 cop police_officer|police policía
🕵️ detective|spy detective
💂 guard|guardia
🥷 ninja|ninja
👷 construction_worker|builder obrero
🫅 person_with_crown
🤴 prince|príncipe
👸 princess|princesa
👳 man_with_turban
👲 man_with_gua_pi_mao
🧕 person_with_headscarf
🤵 man_in_tuxedo
👰 bride_with_veil
🤰 pregnant_woman
🫃 pregnant_man
🤱 breast_feeding
👼 baby_angel
🎅 santa|christmas navidad papá noel
🤶 mrs_claus|christmas navidad
🧑‍🎄 mx_claus|christmas navidad
🦸 superhero|hero héroe
🦹 supervillain|villain villano
🧙 mage wizard|magic mago
🧚 fairy|magic hada
🧛 vampire|vampiro
🧜 merperson mermaid|sirena
🧝 elf|elfo
🧞 genie|genio
🧟 zombie|zombi
🧌 troll
💆 face_massage
💇 haircut
🚶 walking|walk caminar
🧍 standing_person
🧎 kneeling_person
🏃 runner running|run correr
💃 dancer|dance woman party bailar fiesta
🕺 man_dancing|dance party bailar fiesta
👯 woman_with_bunny_ears
🧖 person_in_steamy_room
🧗 climbing|mountain escalar
🤺 fencer
🏇 horse_racing
⛷️ skier
🏂 snowboarder
🏌️ golfer
🏄 surfer|surf surf
🚣 rowboat
🏊 swimmer|swim nadar
⛹️ person_with_ball
🏋️ weight_lifting|gym gimnasio pesas
🚴 bicyclist|bike cycling bicicleta
🚵 mountain_bicyclist
🤸 cartwheeling|gym
🤼 wrestlers
🤽 water_polo
🤾 handball
🤹 juggling
🧘 lotus_position|yoga meditation yoga
🛀 bath|shower baño
🛌 sleeping_bed|bed cama dormir
👭 two_women_holding_hands|pareja
👫 couple|man woman pareja
👬 two_men_holding_hands|pareja
💏 couplekiss|kiss beso pareja
💑 couple_with_heart|love pareja amor
👪 family|familia
🗣️ speaking_head|talk hablar
👤 bust_in_silhouette|user persona
👥 busts_in_silhouette|users personas
🫂 people_hugging|hug abrazo
👣 footprints|feet huellas`,
  nature: `
🐵 monkey_face|ape mono
🐒 monkey|mono
🦍 gorilla
🦧 orangutan
🐶 dog|puppy pet perro
🐕 dog2|pet perro
🦮 guide_dog
🐕‍🦺 service_dog|perro
🐩 poodle|dog perro
🐺 wolf|lobo
🦊 fox_face|fox zorro
🦝 raccoon|mapache
🐱 cat|kitty pet gato
🐈 cat2|pet gato
🐈‍⬛ black_cat|gato
🦁 lion|lion_face león
🐯 tiger|tigre
🐅 tiger_sign
🐆 leopard
🐴 horse|caballo
🐎 racehorse|horse caballo
🦄 unicorn|magic unicornio
🦓 zebra|cebra
🦌 deer
🦬 bison
🐮 cow|vaca
🐂 ox
🐃 water_buffalo
🐄 cow_sign
🐷 pig|cerdo
🐖 pig_sign
🐗 boar
🐽 pig_nose
🐏 ram
🐑 sheep|oveja
🐐 goat|cabra
🐪 dromedary_camel
🐫 bactrian_camel
🦙 llama
🦒 giraffe_face
🐘 elephant|elefante
🦣 mammoth
🦏 rhinoceros
🦛 hippopotamus
🐭 mouse|ratón
🐁 mouse_sign
🐀 rat
🐹 hamster|hámster
🐰 rabbit|bunny easter conejo
🐇 rabbit2|bunny conejo
🐿️ chipmunk|squirrel ardilla
🦫 beaver
🦔 hedgehog|erizo
🦇 bat|murciélago
🐻 bear|oso
🐻‍❄️ polar_bear|oso
🐨 koala|koala
🐼 panda_face|panda panda
🦥 sloth|slow lazy perezoso
🦦 otter
🦨 skunk
🦘 kangaroo
🦡 badger
🐾 feet paw_prints|paws huellas
🦃 turkey
🐔 chicken|gallina
🐓 rooster|gallo
🐣 hatching_chick|easter pollito
🐤 baby_chick|pollito
🐥 front_facing_baby_chick
🐦 bird|pájaro
🐧 penguin|linux pingüino
🕊️ dove|peace paloma paz
🦅 eagle|águila
🦆 duck|pato
🦢 swan|cisne
🦉 owl|búho
🦤 dodo
🪶 feather
🦩 flamingo
🦚 peacock
🦜 parrot
🐸 frog|rana
🐊 crocodile|cocodrilo
🐢 turtle|slow tortuga
🦎 lizard|lagarto
🐍 snake|python serpiente
🐲 dragon_face
🐉 dragon|dragón
🦕 sauropod|dinosaur dinosaurio
🦖 t_rex|dinosaur dinosaurio
🐳 whale|docker ballena
🐋 whale_sign
🐬 dolphin flipper|delfín
🦭 seal
🐟 fish|pez
🐠 tropical_fish|pez
🐡 blowfish
🦈 shark|tiburón
🐙 octopus|pulpo
🐚 spiral_shell
🪸 coral
🐌 snail|slow caracol
🦋 butterfly|mariposa
🐛 bug|insect caterpillar bicho error
🐜 ant|hormiga
🐝 bee honeybee|abeja
🪲 beetle
🐞 lady_beetle|ladybug mariquita
🦗 cricket
🪳 cockroach
🕷️ spider|araña
🕸️ spider_web
🦂 scorpion
🦟 mosquito
🪰 fly
🪱 worm
🦠 microbe|virus germ virus
💐 bouquet|flowers flores ramo
🌸 cherry_blossom|flower spring flor primavera
💮 white_flower
🪷 lotus
🏵️ rosette
🌹 rose|flower love rosa flor
🥀 wilted_flower|dead flor
🌺 hibiscus|flower flor
🌻 sunflower|flower girasol
🌼 blossom|flower flor
🌷 tulip|flower tulipán flor
🌱 seedling|plant grow spring planta brote
🪴 potted_plant|plant planta
🌲 evergreen_tree|tree árbol
🌳 deciduous_tree|tree árbol
🌴 palm_tree|beach palmera
🌵 cactus|cactus
🌾 ear_of_rice
🌿 herb|plant hierba
☘️ shamrock
🍀 four_leaf_clover|luck trébol suerte
🍁 maple_leaf|autumn hoja otoño
🍂 fallen_leaf|autumn hoja otoño
🍃 leaves|wind hojas
🪹 empty_nest
🪺 nest_with_eggs
🍄 mushroom|seta
🌑 new_moon|luna
🌒 waxing_crescent_moon_symbol
🌓 first_quarter_moon_symbol
🌔 waxing_gibbous_moon_symbol
🌕 full_moon|luna
🌖 waning_gibbous_moon_symbol
🌗 last_quarter_moon_symbol
🌘 waning_crescent_moon_symbol
🌙 crescent_moon|night luna noche
🌚 new_moon_with_face|luna
🌛 first_quarter_moon_with_face
🌜 last_quarter_moon_with_face
☀️ sunny sun|weather sol
🌝 full_moon_with_face|luna
🌞 sun_with_face|summer sol
🪐 ringed_planet
⭐ star|estrella
🌟 star2|glowing estrella
🌠 stars|shooting star wish estrella deseo
🌌 milky_way
☁️ cloud|weather nube
⛅ partly_sunny|weather cloud nube sol
⛈️ thunder_cloud_and_rain
🌤️ white_sun_with_small_cloud
🌥️ white_sun_behind_cloud
🌦️ white_sun_behind_cloud_with_rain
🌧️ cloud_with_rain|weather lluvia
🌨️ cloud_with_snow
🌩️ cloud_with_lightning|storm tormenta
🌪️ tornado|storm
🌫️ fog
🌬️ wind_blowing_face
🌀 cyclone
🌈 rainbow|pride arcoíris
🌂 closed_umbrella
☂️ umbrella_sign
☔ umbrella|rain paraguas lluvia
⛱️ umbrella_on_ground
⚡ zap|lightning fast power rayo
❄️ snowflake|cold winter nieve frío
☃️ snowman_with_snow|winter muñeco nieve
⛄ snowman|winter muñeco nieve
☄️ comet
🔥 fire|hot lit flame fuego
💧 droplet|water agua gota
🌊 ocean|wave sea ola mar`,
  food: `
🍇 grapes|fruit uvas
🍈 melon
🍉 watermelon|fruit sandía
🍊 tangerine orange|fruit naranja
🍋 lemon|fruit limón
🍌 banana|fruit plátano
🍍 pineapple|fruit piña
🥭 mango|fruit mango
🍎 apple|fruit red manzana
🍏 green_apple|fruit manzana
🍐 pear|fruit pera
🍑 peach|fruit melocotón
🍒 cherries|fruit cerezas
🍓 strawberry|fruit fresa
🫐 blueberries
🥝 kiwi_fruit|fruit kiwi
🍅 tomato|tomate
🫒 olive
🥥 coconut
🥑 avocado|aguacate
🍆 eggplant|aubergine berenjena
🥔 potato|patata
🥕 carrot|zanahoria
🌽 corn|maíz
🌶️ hot_pepper|chili spicy chile picante
🫑 bell_pepper
🥒 cucumber
🥬 leafy_green
🥦 broccoli|brócoli
🧄 garlic|ajo
🧅 onion|cebolla
🥜 peanuts|nuts cacahuetes
🫘 beans
🌰 chestnut
🍞 bread|pan
🥐 croissant|breakfast cruasán
🥖 baguette_bread|pan
🫓 flatbread
🥨 pretzel
🥯 bagel
🥞 pancakes|breakfast tortitas
🧇 waffle
🧀 cheese|queso
🍖 meat_on_bone
🍗 poultry_leg|chicken pollo
🥩 cut_of_meat
🥓 bacon|beicon
🍔 hamburger|burger hamburguesa
🍟 fries|chips patatas
🍕 pizza|food pizza
🌭 hotdog|hot dog sausage perrito
🥪 sandwich|lunch bocadillo
🌮 taco|mexican taco
🌯 burrito|mexican burrito
🫔 tamale
🥙 stuffed_flatbread
🧆 falafel
🥚 egg|huevo
🍳 fried_egg cooking|breakfast huevo cocinar
🥘 shallow_pan_of_food
🍲 pot_of_food
🫕 fondue
🥣 bowl_with_spoon
🥗 green_salad|healthy ensalada
🍿 popcorn|movie palomitas
🧈 butter
🧂 salt_shaker
🥫 canned_food
🍱 bento_box
🍘 rice_cracker
🍙 rice_ball
🍚 cooked_rice
🍛 curry_and_rice
🍜 ramen|noodles soup fideos
🍝 spaghetti|pasta espaguetis
🍠 roasted_sweet_potato
🍢 oden
🍣 sushi|japanese sushi
🍤 fried_shrimp
🍥 fish_cake_with_swirl_design
🥮 moon_cake
🍡 dango
🥟 dumpling
🥠 fortune_cookie
🥡 takeout_box
🦀 crab
🦞 lobster
🦐 shrimp
🦑 squid
🦪 oyster
🍦 icecream|soft ice helado
🍧 shaved_ice
🍨 ice_cream|dessert helado
🍩 doughnut|donut dónut
🍪 cookie|biscuit galleta
🎂 birthday|cake party cumpleaños tarta
🍰 cake shortcake|dessert tarta pastel
🧁 cupcake|dessert magdalena
🥧 pie|tarta
🍫 chocolate_bar|sweet chocolate
🍬 candy|sweet caramelo
🍭 lollipop|sweet piruleta
🍮 custard
🍯 honey_pot|honey miel
🍼 baby_bottle|milk biberón
🥛 milk_glass|milk leche
☕ coffee|cafe tea hot break café
🫖 teapot
🍵 tea|green cup té
🍶 sake_bottle_and_cup
🍾 champagne|celebrate bottle champán
🍷 wine_glass|wine vino
🍸 cocktail|drink cóctel
🍹 tropical_drink|cocktail cóctel
🍺 beer|drink cerveza
🍻 beers|cheers drink cerveza salud brindis
🥂 clinking_glasses|cheers celebrate brindis salud
🥃 tumbler_glass|whisky güisqui
🫗 pouring_liquid
🥤 cup_with_straw|soda drink refresco
🧋 bubble_tea
🧃 beverage_box
🧉 mate_drink
🧊 ice_cube|cold hielo
🥢 chopsticks
🍽️ plate_with_cutlery|dinner eat plato comer
🍴 fork_and_knife|eat lunch comer cubiertos
🥄 spoon
🔪 hocho knife|kitchen cuchillo
🫙 jar
🏺 amphora`,
  activities: `
🎃 jack_o_lantern|halloween pumpkin calabaza halloween
🎄 christmas_tree|xmas navidad árbol
🎆 fireworks|new year fuegos
🎇 sparkler|bengala
🧨 firecracker
✨ sparkles|magic shiny new brillo magia
🎈 balloon|party birthday globo fiesta
🎉 tada party_popper|celebrate congratulations hooray fiesta celebrar felicidades
🎊 confetti_ball|party celebrate fiesta confeti
🎋 tanabata_tree
🎍 pine_decoration
🎎 japanese_dolls
🎏 carp_streamer
🎐 wind_chime
🎑 moon_viewing_ceremony
🧧 red_gift_envelope
🎀 ribbon|bow lazo
🎁 gift|present birthday regalo
🎗️ reminder_ribbon
🎟️ admission_tickets
🎫 ticket|entrada
🎖️ military_medal
🏆 trophy|win award trofeo ganar
🏅 medal_sports|award medalla
🥇 1st_place_medal|gold first win oro medalla
🥈 2nd_place_medal|silver second plata medalla
🥉 3rd_place_medal|bronze third bronce medalla
⚽ soccer|football ball fútbol balón
⚾ baseball|ball béisbol
🥎 softball
🏀 basketball|ball baloncesto
🏐 volleyball|ball voleibol
🏈 football|american ball fútbol americano
🏉 rugby_football
🎾 tennis|ball tenis
🥏 flying_disc
🎳 bowling|bolos
🏏 cricket_bat_and_ball
🏑 field_hockey_stick_and_ball
🏒 ice_hockey_stick_and_puck
🥍 lacrosse_stick_and_ball
🏓 ping_pong|table tennis tenis mesa
🏸 badminton_racquet_and_shuttlecock
🥊 boxing_glove
🥋 martial_arts_uniform
🥅 goal_net
⛳ flag_in_hole
⛸️ ice_skate
🎣 fishing_pole_and_fish|fishing pesca
🤿 diving_mask
🎽 running_shirt_with_sash
🎿 ski_and_ski_boot
🛷 sled
🥌 curling_stone
🎯 dart|target bullseye goal diana
🪀 yo_yo
🪁 kite
🎱 billiards
🔮 crystal_ball
🪄 magic_wand
🎮 video_game|controller play juego consola
🕹️ joystick
🎰 slot_machine|casino
🎲 game_die|dice play dado
🧩 jigsaw puzzle|piece puzle
🧸 teddy_bear|toy oso peluche
🪅 pinata
🪩 mirror_ball
🪆 nesting_dolls
♠️ black_spade_suit
♥️ black_heart_suit
♦️ black_diamond_suit
♣️ black_club_suit
♟️ chess_pawn|chess ajedrez
🃏 playing_card_black_joker
🀄 mahjong_tile_red_dragon
🎴 flower_playing_cards
🎭 performing_arts|theatre teatro
🖼️ frame_with_picture
🎨 art|paint palette arte pintura
🧵 thread|sewing hilo
🪡 sewing_needle
🧶 yarn|knitting lana
🪢 knot`,
  travel: `
🌍 earth_africa|world globe europe mundo tierra
🌎 earth_americas|world globe mundo tierra
🌏 earth_asia|world globe mundo tierra
🌐 globe_with_meridians|internet web internet
🗺️ world_map|map mapa
🗾 silhouette_of_japan
🧭 compass|brújula
🏔️ mountain_snow|mountain montaña
⛰️ mountain
🌋 volcano|volcán
🗻 mount_fuji
🏕️ camping|tent acampar
🏖️ beach_umbrella|beach summer playa
🏜️ desert
🏝️ desert_island|island isla
🏞️ national_park
🏟️ stadium
🏛️ classical_building
🏗️ building_construction|construction obra
🧱 brick
🪨 rock
🪵 wood
🛖 hut
🏘️ house_buildings
🏚️ derelict_house_building
🏠 house|home casa
🏡 house_with_garden|home casa jardín
🏢 office|building work oficina
🏣 japanese_post_office
🏤 european_post_office
🏥 hospital|doctor hospital
🏦 bank|money banco
🏨 hotel|hotel
🏩 love_hotel
🏪 convenience_store
🏫 school|escuela
🏬 department_store
🏭 factory|fábrica
🏯 japanese_castle
🏰 european_castle|castle castillo
💒 wedding
🗼 tokyo_tower
🗽 statue_of_liberty|new york libertad
⛪ church|iglesia
🕌 mosque
🛕 hindu_temple
🕍 synagogue
⛩️ shinto_shrine
🕋 kaaba
⛲ fountain
⛺ tent|camping tienda
🌁 foggy
🌃 night_with_stars|night city noche
🏙️ cityscape
🌄 sunrise_over_mountains
🌅 sunrise|morning amanecer
🌆 cityscape_at_dusk
🌇 sunset_over_buildings
🌉 bridge_at_night
♨️ hot_springs
🎠 carousel_horse
🛝 playground_slide
🎡 ferris_wheel|fair noria
🎢 roller_coaster
💈 barber_pole
🎪 circus_tent
🚂 steam_locomotive|train tren
🚃 railway_car
🚄 high_speed_train
🚅 high_speed_train_with_bullet_nose
🚆 train2|train tren
🚇 metro|subway underground metro
🚈 light_rail
🚉 station
🚊 tram
🚝 monorail
🚞 mountain_railway
🚋 tram_car
🚌 bus|autobús
🚍 oncoming_bus
🚎 trolleybus
🚐 minibus
🚑 ambulance|emergency ambulancia
🚒 fire_engine|emergency bomberos
🚓 police_car|police policía
🚔 oncoming_police_car
🚕 taxi|cab taxi
🚖 oncoming_taxi
🚗 car red_car|drive coche
🚘 oncoming_automobile
🚙 blue_car|car coche
🛻 pickup_truck
🚚 truck|delivery camión
🚛 articulated_lorry
🚜 tractor|farm tractor
🏎️ racing_car|fast coche carrera
🏍️ motorcycle|bike moto
🛵 motor_scooter|moto
🦽 manual_wheelchair
🦼 motorized_wheelchair
🛺 auto_rickshaw
🚲 bike|bicycle bicicleta
🛴 kick_scooter|patinete
🛹 skateboard
🛼 roller_skate
🚏 bus_stop
🛣️ motorway
🛤️ railway_track
🛢️ oil_drum
⛽ fuelpump|petrol gas gasolina
🛞 wheel
🚨 rotating_light|alarm emergency police alarma emergencia
🚥 horizontal_traffic_light
🚦 vertical_traffic_light|traffic semáforo
🛑 stop_sign|stop stop alto
🚧 construction|work wip obras
⚓ anchor|ship ancla
🛟 ring_buoy
⛵ boat sailboat|sailing barco
🛶 canoe
🚤 speedboat
🛳️ passenger_ship
⛴️ ferry
🛥️ motor_boat
🚢 ship|boat barco
✈️ airplane|flight travel avión viaje
🛩️ small_airplane
🛫 flight_departure|airplane avión
🛬 flight_arrival|airplane avión
🪂 parachute
💺 seat
🚁 helicopter|helicóptero
🚟 suspension_railway
🚠 mountain_cableway
🚡 aerial_tramway
🛰️ satellite
🚀 rocket|launch ship space fast cohete
🛸 flying_saucer|ufo ovni
🛎️ bellhop_bell
🧳 luggage|travel maleta viaje
⌛ hourglass|time wait reloj arena
⏳ hourglass_flowing_sand|time wait reloj arena espera
⌚ watch|time reloj
⏰ alarm_clock|time morning despertador
⏱️ stopwatch|time cronómetro
⏲️ timer_clock
🕰️ mantelpiece_clock
🕛 clock12|time hora
🕐 clock1
🕑 clock2
🕒 clock3
🕓 clock4
🕔 clock5
🕕 clock6
🕖 clock7
🕗 clock8
🕘 clock9
🕙 clock10
🕚 clock11`,
  objects: `
👓 eyeglasses|glasses gafas
🕶️ dark_sunglasses|cool gafas sol
🥽 goggles
🥼 lab_coat
🦺 safety_vest
👔 necktie|shirt corbata
👕 shirt tshirt|camiseta
👖 jeans|trousers pantalones
🧣 scarf
🧤 gloves
🧥 coat
🧦 socks
👗 dress|vestido
👘 kimono
🥻 sari
🩱 one_piece_swimsuit
🩲 briefs
🩳 shorts
👙 bikini
👚 womans_clothes
👛 purse
👜 handbag
👝 pouch
🛍️ shopping_bags
🎒 school_satchel|backpack bag mochila
🩴 thong_sandal
👞 mans_shoe
👟 athletic_shoe|sneaker zapatilla
🥾 hiking_boot
🥿 flat_shoe
👠 high_heel|shoe tacón
👡 womans_sandal
🩰 ballet_shoes
👢 womans_boots
👑 crown|king queen corona rey
👒 womans_hat
🎩 tophat|hat sombrero
🎓 mortar_board|graduate university graduación
🧢 billed_cap|hat gorra
🪖 military_helmet
⛑️ helmet_with_white_cross
📿 prayer_beads
💄 lipstick
💍 ring|wedding marriage anillo boda
💎 gem|diamond ruby diamante
🔇 mute|sound silencio
🔈 speaker|sound altavoz
🔉 speaker_with_one_sound_wave
🔊 loud_sound|volume volumen
📢 loudspeaker|announcement altavoz
📣 mega|announcement megaphone megáfono
📯 postal_horn
🔔 bell|notification campana
🔕 no_bell|mute silencio
🎼 musical_score
🎵 musical_note|music song música nota
🎶 notes|music song música notas
🎙️ studio_microphone
🎚️ level_slider
🎛️ control_knobs
🎤 microphone|sing karaoke micrófono cantar
🎧 headphones|music auriculares
📻 radio|radio
🎷 saxophone
🪗 accordion
🎸 guitar|music rock guitarra
🎹 musical_keyboard|piano piano
🎺 trumpet|music trompeta
🎻 violin|music violín
🪕 banjo
🥁 drum|music tambor
🪘 long_drum
📱 iphone mobile_phone|phone móvil
📲 mobile_phone_with_rightwards_arrow_at_left
☎️ phone telephone|teléfono
📞 telephone_receiver|phone call teléfono
📟 pager
📠 fax_machine
🔋 battery|power batería
🪫 low_battery
🔌 electric_plug|power enchufe
💻 computer|laptop ordenador
🖥️ desktop_computer|screen ordenador
🖨️ printer|impresora
⌨️ keyboard|type teclado
🖱️ computer_mouse|mouse ratón
🖲️ trackball
💽 minidisc
💾 floppy_disk|save guardar disco
💿 cd|disk disco
📀 dvd
🧮 abacus
🎥 movie_camera|film video cine cámara
🎞️ film_frames
📽️ film_projector
🎬 clapper|film movie action cine
📺 tv|television tele
📷 camera|photo cámara foto
📸 camera_flash|photo cámara foto
📹 video_camera
📼 videocassette
🔍 mag|search look buscar lupa
🔎 mag_right|search look buscar lupa
🕯️ candle|vela
💡 bulb|idea light idea bombilla
🔦 flashlight|torch linterna
🏮 izakaya_lantern
🪔 diya_lamp
📔 notebook_with_decorative_cover
📕 closed_book
📖 book open_book|read libro leer
📗 green_book
📘 blue_book
📙 orange_book
📚 books|read library libros
📓 notebook|notes cuaderno
📒 ledger
📃 page_with_curl
📜 scroll|paper pergamino
📄 page_facing_up|document documento
📰 newspaper|news periódico noticias
🗞️ rolled_up_newspaper
📑 bookmark_tabs
🔖 bookmark|save marcador
🏷️ label|tag etiqueta
💰 moneybag|money rich dinero
🪙 coin
💴 banknote_with_yen_sign
💵 dollar|money dólar dinero
💶 euro|money euro dinero
💷 banknote_with_pound_sign
💸 money_with_wings|expensive spend dinero
💳 credit_card|pay tarjeta
🧾 receipt|bill recibo
💹 chart_with_upwards_trend_and_yen_sign
✉️ email envelope|mail letter correo carta
📧 e_mail|mail correo
📨 incoming_envelope
📩 envelope_with_downwards_arrow_above
📤 outbox_tray|upload bandeja
📥 inbox_tray|download bandeja
📦 package|box delivery paquete caja
📫 closed_mailbox_with_raised_flag
📪 closed_mailbox_with_lowered_flag
📬 open_mailbox_with_raised_flag
📭 open_mailbox_with_lowered_flag
📮 postbox|mail buzón
🗳️ ballot_box_with_ballot
✏️ pencil2|write edit lápiz
✒️ black_nib
🖋️ lower_left_fountain_pen
🖊️ pen|write bolígrafo
🖌️ lower_left_paintbrush
🖍️ lower_left_crayon
📝 memo pencil|note write nota escribir
💼 briefcase|work maletín trabajo
📁 file_folder|folder carpeta
📂 open_file_folder
🗂️ card_index_dividers
📅 date|calendar calendario fecha
📆 calendar|date calendario
🗒️ spiral_note_pad
🗓️ spiral_calendar_pad
📇 card_index
📈 chart_with_upwards_trend|up growth gráfico subir
📉 chart_with_downwards_trend|down gráfico bajar
📊 bar_chart|statistics gráfico
📋 clipboard|list portapapeles
📌 pushpin|pin chincheta
📍 round_pushpin|location pin lugar
📎 paperclip|attach clip
🖇️ linked_paperclips
📏 straight_ruler|measure regla
📐 triangular_ruler
✂️ scissors|cut tijeras
🗃️ card_file_box
🗄️ file_cabinet
🗑️ wastebasket|trash delete papelera basura
🔒 lock|secure private candado cerrado
🔓 unlock|open candado abierto
🔏 lock_with_ink_pen
🔐 closed_lock_with_key|secure candado llave
🔑 key|password llave
🗝️ old_key
🔨 hammer|tool martillo
🪓 axe|tool hacha
⛏️ pick
⚒️ hammer_and_pick
🛠️ hammer_and_wrench|tools fix herramientas
🗡️ dagger_knife
⚔️ crossed_swords|fight espadas
🔫 gun water_pistol|pistola
🪃 boomerang
🏹 bow_and_arrow|archery arco
🛡️ shield|protect security escudo
🪚 carpentry_saw
🔧 wrench|tool fix llave
🪛 screwdriver|tool destornillador
🔩 nut_and_bolt|screw tornillo
⚙️ gear|settings engranaje ajustes
🗜️ compression
⚖️ balance_scale|law justice balanza
🦯 probing_cane
🔗 link|chain url enlace
⛓️ chains
🪝 hook
🧰 toolbox|tools herramientas
🧲 magnet|imán
🪜 ladder
⚗️ alembic
🧪 test_tube|science experiment ciencia
🧫 petri_dish
🧬 dna|biology adn
🔬 microscope|science microscopio
🔭 telescope|space telescopio
📡 satellite_antenna|signal antena
💉 syringe|vaccine jeringa vacuna
🩸 drop_of_blood
💊 pill|medicine pastilla
🩹 adhesive_bandage|plaster tirita
🩼 crutch
🩺 stethoscope
🩻 x_ray
🚪 door|exit puerta
🛗 elevator
🪞 mirror
🪟 window
🛏️ bed|sleep cama
🛋️ couch_and_lamp|sofa sofá
🪑 chair
🚽 toilet|wc váter
🪠 plunger
🚿 shower|bath ducha
🛁 bathtub|bath bañera
🪤 mouse_trap
🪒 razor
🧴 lotion_bottle
🧷 safety_pin
🧹 broom|clean escoba limpiar
🧺 basket
🧻 roll_of_paper
🪣 bucket
🧼 soap|clean wash jabón
🫧 bubbles
🪥 toothbrush
🧽 sponge
🧯 fire_extinguisher
🛒 shopping_cart|buy carrito compra
🚬 smoking|cigarette fumar
⚰️ coffin|dead ataúd
🪦 headstone
⚱️ funeral_urn
🧿 nazar_amulet
🪬 hamsa
🗿 moyai|statue stone estatua
🪧 placard
🪪 identification_card`,
  symbols: `
🏧 automated_teller_machine
🚮 put_litter_in_its_place_symbol
🚰 potable_water_symbol
♿ wheelchair|accessible silla ruedas
🚹 mens_symbol
🚺 womens_symbol
🚻 restroom
🚼 baby_symbol
🚾 water_closet
🛂 passport_control
🛃 customs
🛄 baggage_claim
🛅 left_luggage
⚠️ warning|caution danger aviso peligro
🚸 children_crossing
⛔ no_entry|stop prohibido
🚫 no_entry_sign|forbidden prohibido
🚳 no_bicycles
🚭 no_smoking_symbol
🚯 do_not_litter_symbol
🚱 non_potable_water_symbol
🚷 no_pedestrians
📵 no_mobile_phones
🔞 underage|eighteen dieciocho
☢️ radioactive|danger radiactivo
☣️ biohazard|danger
⬆️ arrow_up|up flecha arriba
↗️ north_east_arrow
➡️ arrow_right|right flecha derecha
↘️ south_east_arrow
⬇️ arrow_down|down flecha abajo
↙️ south_west_arrow
⬅️ arrow_left|left flecha izquierda
↖️ north_west_arrow
↕️ up_down_arrow
↔️ left_right_arrow
↩️ leftwards_arrow_with_hook
↪️ rightwards_arrow_with_hook
⤴️ arrow_pointing_rightwards_then_curving_upwards
⤵️ arrow_pointing_rightwards_then_curving_downwards
🔃 clockwise_downwards_and_upwards_open_circle_arrows
🔄 arrows_counterclockwise|refresh sync actualizar
🔙 back|atrás
🔚 end_with_leftwards_arrow_above
🔛 on_with_exclamation_mark_with_left_right_arrow_above
🔜 soon|pronto
🔝 top|arriba
🛐 place_of_worship
⚛️ atom_symbol
🕉️ om_symbol
✡️ star_of_david
☸️ wheel_of_dharma
☯️ yin_yang
✝️ latin_cross
☦️ orthodox_cross
☪️ star_and_crescent
☮️ peace_symbol|peace paz
🕎 menorah_with_nine_branches
🔯 six_pointed_star_with_middle_dot
♈ aries
♉ taurus
♊ gemini
♋ cancer
♌ leo
♍ virgo
♎ libra
♏ scorpius
♐ sagittarius
♑ capricorn
♒ aquarius
♓ pisces
⛎ ophiuchus
🔀 twisted_rightwards_arrows
🔁 clockwise_rightwards_and_leftwards_open_circle_arrows
🔂 clockwise_rightwards_and_leftwards_open_circle_arrows_with_circled_one_overlay
▶️ arrow_forward|play reproducir
⏩ fast_forward|avanzar
⏭️ black_right_pointing_double_triangle_with_vertical_bar
⏯️ black_right_pointing_triangle_with_double_vertical_bar
◀️ black_left_pointing_triangle
⏪ rewind
⏮️ black_left_pointing_double_triangle_with_vertical_bar
🔼 up_pointing_small_red_triangle
⏫ black_up_pointing_double_triangle
🔽 down_pointing_small_red_triangle
⏬ black_down_pointing_double_triangle
⏸️ pause_button|pause pausa
⏹️ stop_button|stop parar
⏺️ black_circle_for_record
⏏️ eject_symbol
🎦 cinema
🔅 low_brightness_symbol
🔆 high_brightness_symbol
📶 antenna_with_bars
📳 vibration_mode
📴 mobile_phone_off
♀️ female_sign
♂️ male_sign
⚧️ male_with_stroke_and_male_and_female_sign
✖️ heavy_multiplication_x|times por
➕ heavy_plus_sign plus|add más
➖ heavy_minus_sign minus|menos
➗ heavy_division_sign|divide dividir
🟰 heavy_equals_sign
♾️ infinity|forever infinito
‼️ bangbang|exclamation exclamación
⁉️ interrobang|question
❓ question|what help pregunta
❔ grey_question|what pregunta
❕ grey_exclamation|exclamación
❗ exclamation heavy_exclamation_mark|important exclamación
〰️ wavy_dash
💱 currency_exchange
💲 heavy_dollar_sign
⚕️ staff_of_aesculapius
♻️ recycle|environment green reciclar
⚜️ fleur_de_lis
🔱 trident_emblem
📛 name_badge
🔰 japanese_symbol_for_beginner
⭕ o|circle círculo
✅ white_check_mark|done yes ok hecho sí
☑️ ballot_box_with_check|done hecho
✔️ heavy_check_mark|done yes hecho sí
❌ x|no wrong cross no mal
❎ negative_squared_cross_mark|no no
➰ curly_loop
➿ double_curly_loop
〽️ part_alternation_mark
✳️ eight_spoked_asterisk
✴️ eight_pointed_black_star
❇️ sparkle
©️ copyright
®️ registered
™️ tm|trademark
#️⃣ hash|number keycap
*️⃣ asterisk|number keycap
0️⃣ zero|number keycap
1️⃣ one|number keycap
2️⃣ two|number keycap
3️⃣ three|number keycap
4️⃣ four|number keycap
5️⃣ five|number keycap
6️⃣ six|number keycap
7️⃣ seven|number keycap
8️⃣ eight|number keycap
9️⃣ nine|number keycap
🔟 keycap_ten|number diez
🔠 input_symbol_for_latin_capital_letters
🔡 input_symbol_for_latin_small_letters
🔢 input_symbol_for_numbers
🔣 input_symbol_for_symbols
🔤 input_symbol_for_latin_letters
🆎 negative_squared_ab
🆑 squared_cl
🆒 cool|guay
🆓 free|gratis
ℹ️ information_source|info información
🆔 squared_id
🆕 new|nuevo
🆖 squared_ng
🆗 ok|yes vale
🆘 sos|help emergency ayuda
🆙 up
🈁 squared_katakana_koko
🈶 squared_6709
🈯 squared_6307
🉐 circled_ideograph_advantage
🈹 squared_5272
🈚 squared_7121
🈲 squared_7981
🉑 circled_ideograph_accept
🈸 squared_7533
🈴 squared_5408
🈳 squared_7a7a
㊗️ circled_ideograph_congratulation
㊙️ circled_ideograph_secret
🈺 squared_55b6
🈵 squared_6e80
🔴 red_circle|dot rojo círculo
🟠 orange_circle|dot naranja
🟡 yellow_circle|dot amarillo
🟢 green_circle|dot verde
🔵 large_blue_circle blue_circle|dot azul
🟣 purple_circle|dot morado
🟤 brown_circle|dot marrón
⚫ black_circle|dot negro
⚪ white_circle|dot blanco
🟥 large_red_square
🟧 large_orange_square
🟨 large_yellow_square
🟩 large_green_square
🟦 large_blue_square
🟪 large_purple_square
🟫 large_brown_square
⬛ black_large_square
⬜ white_large_square
◼️ black_medium_square
◻️ white_medium_square
◾ black_medium_small_square
◽ white_medium_small_square
▪️ black_small_square
▫️ white_small_square
🔶 large_orange_diamond
🔷 large_blue_diamond
🔸 small_orange_diamond
🔹 small_blue_diamond
🔺 up_pointing_red_triangle
🔻 down_pointing_red_triangle
💠 diamond_shape_with_a_dot_inside
🔘 radio_button
🔳 white_square_button
🔲 black_square_button`,
  flags: `
🏁 checkered_flag|finish race meta bandera
🚩 triangular_flag_on_post red_flag|warning bandera
🎌 crossed_flags
🏴 black_flag|bandera negra
🏳️ white_flag|surrender bandera blanca
🏳️‍🌈 rainbow_flag|pride lgbt bandera orgullo
🏳️‍⚧️ transgender_flag|pride bandera
🏴‍☠️ pirate_flag|skull pirata
🏴󠁧󠁢󠁥󠁮󠁧󠁿 england|flag inglaterra bandera
🏴󠁧󠁢󠁳󠁣󠁴󠁿 scotland|flag escocia bandera
🏴󠁧󠁢󠁷󠁬󠁳󠁿 wales|flag gales bandera`,
} as const;
