/** Spanish. */
import { Sentence } from '@securechat/shared/protocol';
import type { Texts } from './texts.en.ts';

const plurals = new Intl.PluralRules('es');
const lists = new Intl.ListFormat('es');
const count = (n: number, one: string, other: string) => `${n} ${plurals.select(n) === 'one' ? one : other}`;

export const spanish: Texts = {
  product: 'SecureChat',
  roomName: 'general',
  joined: Sentence.joined,
  left: Sentence.left,

  // Entrance
  lead: 'Un chat de grupo que vive en tu propia máquina.',
  name: 'Nombre',
  password: 'Contraseña',
  showPassword: 'Mostrar la contraseña',
  logIn: 'Entrar',
  signUp: 'Registrarse',
  signUpClosed: 'Aquí no se pueden crear cuentas; quien ya tiene una puede entrar.',
  newPasswordTitle: 'Contraseña nueva – SecureChat',
  choosePassword: 'Elige una contraseña nueva.',
  newPassword: 'Contraseña nueva',
  passwordRule: 'Al menos 8 caracteres. Se cerrarán tus sesiones en los demás dispositivos.',
  setPassword: 'Guardar contraseña',
  goToLogIn: 'Ir a la entrada',
  show: 'Mostrar',
  hide: 'Ocultar',
  serverUnreachable: 'No se pudo llegar al servidor. Comprueba tu conexión e inténtalo de nuevo.',
  serverFailed: 'Algo falló en el servidor. Inténtalo de nuevo dentro de un momento.',
  tryAgainIn: (seconds) => `Puedes intentarlo de nuevo en ${span(seconds)}.`,
  tryAgainNow: 'Ya puedes intentarlo de nuevo.',
  sessionOver: 'Tu sesión ha terminado. Entra de nuevo, por favor.',
  youLeft: 'Has salido del chat.',
  linkIncomplete: 'Este enlace está incompleto. Ábrelo de nuevo tal como te lo dieron.',
  passwordSet: 'Tu contraseña nueva está guardada.',

  // Connection
  connecting: 'Conectando…',
  catchingUp: 'Poniéndose al día…',
  connected: 'Conectado',
  offline: 'Sin conexión',
  reconnectingIn: (seconds) => `Nuevo intento en ${seconds}\u00a0s…`,
  restarting: 'El servidor se está reiniciando.',
  lost: 'Se perdió la conexión.',
  offlineSentence: 'No tienes conexión.',
  tryNow: 'Intentar ahora',
  notTaken: 'Ahora mismo el servidor no puede recibir mensajes.',
  waitingToBeSent: (n) => `${count(n, 'mensaje espera', 'mensajes esperan')} y se enviará${n === 1 ? '' : 'n'}.`,
  waitingFor: (n, seconds) =>
    `${count(n, 'mensaje espera', 'mensajes esperan')} y se enviará${n === 1 ? '' : 'n'} en ${seconds}\u00a0s.`,
  youMaySendIn: (seconds) => `Podrás enviar de nuevo en ${seconds}\u00a0s.`,
  leftHere: 'Has salido.',
  details: 'Detalles de la conexión',
  youAre: 'Eres',
  connectedSince: 'Conectado desde',
  notConnected: 'Desconectado',
  upTo: 'Al día hasta',
  eventNumber: (seq) => (seq === 0 ? 'aún no se ha dicho nada' : `el suceso n.º ${seq}`),
  roundTrip: 'Ida y vuelta',
  milliseconds: (ms) => `${Math.max(1, Math.round(ms))} ms`,
  measuring: 'midiendo…',
  server: 'Servidor',
  waitingHere: 'Esperando aquí',
  nothingWaits: 'nada',
  messagesWait: (n) => count(n, 'mensaje', 'mensajes'),
  trust: 'Cifrado en el camino; quien cuida del servidor puede leer los mensajes.',

  // Header
  people: 'Personas',
  peopleHere: (n) => `${count(n, 'persona', 'personas')} aquí`,
  andMore: (n) => `y ${n} más`,
  you: 'tú',
  showPeople: (n) => `Personas, ${n} aquí`,
  close: 'Cerrar',
  theme: { auto: 'Tema: como el sistema', light: 'Tema: claro', dark: 'Tema: oscuro' },
  leave: 'Salir',

  // Messages
  messages: 'Mensajes',
  beginning: 'Aquí empieza la conversación.',
  emptyTitle: 'Hay silencio aquí.',
  emptyWords: 'Di la primera palabra o invita a otras personas: dales esta dirección.',
  copyAddress: 'Copiar dirección',
  copied: 'Copiado',
  newMessages: 'Nuevo',
  jump: 'Ir a lo último',
  lookingFor: (seq) => `Buscando el mensaje n.º ${seq}…`,
  noSuchMessage: (seq) => `Aquí no hay ningún mensaje n.º ${seq}.`,
  wasDeleted: (seq) => `El mensaje n.º ${seq} se ha eliminado.`,
  loadingNewer: 'Cargando mensajes más recientes…',
  manyBelow: (n) => `Más de ${n} mensajes nuevos`,
  newBelow: (n) => count(n, 'mensaje nuevo', 'mensajes nuevos'),
  loadingOlder: 'Cargando mensajes anteriores…',
  edited: 'editado',
  messageDeleted: 'Mensaje borrado',
  earlierMessage: 'un mensaje anterior',
  replyTo: (name) => `En respuesta a ${name}: `,
  actions: 'Acciones del mensaje',
  actionsOn: (seq) => `Acciones del mensaje n.º ${seq}`,
  messageNumber: (seq) => `Mensaje n.º ${seq}`,
  more: 'Más',
  reply: 'Responder',
  edit: 'Editar',
  delete: 'Borrar',
  copyText: 'Copiar texto',
  copyLink: 'Copiar enlace',
  showOriginal: 'Mostrar a qué responde',
  react: (emoji) => `Reaccionar con ${emoji}`,
  reactedBy: (emoji, n, names) => `${emoji} ${n}: ${names}`,
  somebody: 'Alguien',

  // Pending
  sending: 'Enviando…',
  waiting: 'Esperando para enviarse',
  savingEdit: 'Guardando…',
  notSent: 'No se envió.',
  shorten: 'Acórtalo y envíalo de nuevo.',
  notChanged: 'No se cambió.',
  editAgain: 'Editar',
  sendAgain: 'Enviar de nuevo',
  copy: 'Copiar',
  discard: 'Descartar',

  // Composer
  composer: (room) => `Mensaje en ${room}`,
  send: 'Enviar',
  save: 'Guardar',
  editing: 'Editando tu mensaje',
  replyingTo: (name) => `Respondiendo a ${name}`,
  cancel: 'Cancelar',
  charactersLeft: (n) => (n >= 0 ? `quedan ${n}` : `sobran ${-n}`),
  typing: (names) => {
    if (names.length > 3) return 'Varias personas están escribiendo…';
    return `${lists.format(names)} ${names.length === 1 ? 'está' : 'están'} escribiendo…`;
  },
  list: (names) => lists.format(names),

  // Words and emoji
  code: (language) => (language === '' ? 'Código' : `Código (${language})`),
  copyCode: 'Copiar código',
  suggestions: 'Sugerencias',
  emoji: 'Emoji',
  otherEmoji: 'Otro emoji…',
  searchEmoji: 'Buscar emoji',
  noEmoji: 'Ningún emoji se llama así. Prueba con otra palabra.',
  emojiFailed: 'No se pudieron cargar los emoji. Comprueba tu conexión e inténtalo de nuevo.',
  emojiFound: (n) => (n === 1 ? '1 emoji encontrado' : `${n} emoji encontrados`),
  recentEmoji: 'Usados hace poco',
  emojiGroups: {
    smileys: 'Caras',
    people: 'Personas',
    nature: 'Animales y naturaleza',
    food: 'Comida y bebida',
    activities: 'Actividades',
    travel: 'Viajes y lugares',
    objects: 'Objetos',
    symbols: 'Símbolos',
    flags: 'Banderas',
  },
  skinTone: 'Tono de piel',
  skinTones: ['Amarillo', 'Claro', 'Medio claro', 'Medio', 'Medio oscuro', 'Oscuro'],

  // People
  aboutPerson: (name) => `Sobre ${name}`,
  isHere: 'Está aquí',
  isHereSince: (time) => `Está aquí desde ${time}`,
  isNotHere: 'Ahora no está aquí',
  thatIsYou: 'Eres tú.',
  lastWords: 'Último mensaje',
  mention: 'Mencionar',
  goToPerson: 'Ir a una persona',
  personName: 'Nombre de la persona',
  nobodyFound: 'Nadie aquí se llama así.',
  peopleFound: (n) => count(n, 'persona encontrada', 'personas encontradas'),
  came: (n) => count(n, 'persona entró', 'personas entraron'),
  went: (n) => count(n, 'persona salió', 'personas salieron'),
  cameAndWent: (n) => count(n, 'persona entró y salió', 'personas entraron y salieron'),

  // Deleting
  deletingSoon: (n, seconds) => `${n === 1 ? 'El mensaje se borrará' : `${n} mensajes se borrarán`} en ${seconds}\u00a0s.`,
  deletingAnnounced: (n) =>
    `${n === 1 ? 'El mensaje se va a borrar. Se puede' : `${n} mensajes se van a borrar. Se pueden`} conservar durante 5 segundos.`,
  undo: 'Deshacer',

  // Settings
  settings: 'Ajustes',
  themeTitle: 'Tema',
  themeChoices: { auto: 'Como el sistema', light: 'Claro', dark: 'Oscuro' },
  languageTitle: 'Idioma',
  notifyTitle: 'Avisos',
  notifyWhen: 'Solo mientras esta página no está a la vista.',
  notifyChoices: { none: 'Ninguno', mentions: 'Cuando me mencionan', all: 'Todos los mensajes' },
  notifyNotAsked: 'Tu navegador aún no los permite. Elige otra vez y responde a su pregunta.',
  notifyBlocked: 'Tu navegador bloquea los avisos de esta página. Permítelos en sus ajustes para esta página y elige de nuevo.',
  notifyMissing: 'Este navegador no muestra avisos.',
  textSize: 'El texto es tan grande como tu navegador lo muestre.',

  // Este dispositivo
  keepsNothing: 'Este navegador no nos guarda nada. Lo que aún no se haya enviado se pierde al cerrar la página.',
  understood: 'Entendido',

  // Leaving
  leaveQuestion: '¿Salir ahora?',
  leaveExplained: (n) =>
    n === 1 ? '1 mensaje aún no se ha enviado y se perdería.' : `${n} mensajes aún no se han enviado y se perderían.`,
  stay: 'Quedarse',
  leaveAnyway: 'Salir y descartar',

  // Keys
  keys: 'Teclas',
  keyList: [
    ['Intro', 'enviar'],
    ['Mayús + Intro', 'nueva línea'],
    ['@ o : y un nombre', 'mencionar a alguien, escribir un emoji; Intro o Tab toma la sugerencia'],
    ['**negrita** *cursiva* ~~tachado~~ `código`', 'marcas en lo que escribes'],
    ['↑', 'editar tu último mensaje, con el campo vacío'],
    ['Esc', 'cerrar lo que está abierto, después ir a lo último'],
    ['↑ ↓ en los mensajes', 'ir de mensaje en mensaje; Intro abre sus acciones'],
    ['Ctrl o ⌘ + K', 'ir a una persona'],
    ['Ctrl o ⌘ + Z', 'conservar un mensaje que se va a borrar, con el campo vacío'],
    ['?', 'mostrar estas teclas, fuera del campo'],
    ['Ctrl o ⌘ + /', 'mostrar estas teclas desde cualquier sitio'],
  ],
};

function span(seconds: number): string {
  return seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}
