/** Reading forms from strangers: three content types, flat fields of text, and a bound on everything. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import busboy from 'busboy';
import * as v from 'valibot';

export type Form<T> = { kind: 'form'; fields: T } | { kind: 'malformed' } | { kind: 'too_large' };
type Fields = Map<string, string>;

const MOST_BYTES = 64 * 1024;
const MOST_FIELDS = 10;
/** How much of a refused body is read and dropped, so that the client gets to read the answer. */
const DROPPED = { bytes: 4 * 1024 * 1024, ms: 5_000 };

/**
 * Reads a form sent as `application/x-www-form-urlencoded`, `multipart/form-data` (RFC 7578) or JSON. Fields are texts;
 * a repeated, unknown or missing one, a list, an object or a file makes the whole form malformed.
 *
 * @param schema the fields that the form must have, all of them and no others
 */
export async function readForm<E extends v.ObjectEntries>(
  request: IncomingMessage,
  response: ServerResponse,
  schema: v.ObjectSchema<E, undefined>,
): Promise<Form<v.InferOutput<v.ObjectSchema<E, undefined>>>> {
  const bytes = await readBytes(request, response);
  if (bytes === 'too_large') return { kind: 'too_large' };
  const fields = bytes === 'cut' ? undefined : await parseFields(request.headers['content-type'] ?? '', bytes);
  if (fields === undefined) return { kind: 'malformed' };
  // Own names only: `__proto__` and `constructor` are in every object.
  if ([...fields.keys()].some((name) => !Object.hasOwn(schema.entries, name))) return { kind: 'malformed' };
  const result = v.safeParse(schema, Object.fromEntries(fields));
  return result.success ? { kind: 'form', fields: result.output } : { kind: 'malformed' };
}

/** Reads a JSON body of at most 64 KiB; undefined when it is larger, cut or no JSON. */
export async function readJson(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  const bytes = await readBytes(request, response);
  return bytes instanceof Buffer ? parseJson(decodeUtf8(bytes)) : undefined;
}

/**
 * Ends an answer whose head is set while the request's body is still coming. The answer is complete for the client at
 * once; the body is read and dropped within bounds, because closing a socket with unread bytes resets it, and a reset
 * makes the client lose the answer.
 */
export async function endWhileReceiving(request: IncomingMessage, response: ServerResponse, text: string): Promise<void> {
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.write(text);
  const isWhole = isAwaitingContinue(request) || (await drop(request));
  response.end();
  if (!isWhole) request.socket.destroy();
}

/**
 * Takes a request with `Expect: 100-continue` (RFC 9110 §10.1.1): the body is asked for only by whoever reads it. When
 * nobody does, the client may or may not send it, so the connection cannot be used again.
 */
export function deferContinue(request: IncomingMessage, response: ServerResponse): void {
  awaitingContinue.add(request);
  response.setHeader('Connection', 'close');
}

const awaitingContinue = new WeakSet<IncomingMessage>();
const isAwaitingContinue = (request: IncomingMessage) => awaitingContinue.has(request);

function askForBody(request: IncomingMessage, response: ServerResponse) {
  if (!awaitingContinue.delete(request)) return;
  response.removeHeader('Connection');
  response.writeContinue();
}

function readBytes(request: IncomingMessage, response: ServerResponse): Promise<Buffer | 'too_large' | 'cut'> {
  if (Number(request.headers['content-length'] ?? 0) > MOST_BYTES) return Promise.resolve('too_large');
  askForBody(request, response);
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve) => {
    const settle = (result: Buffer | 'too_large' | 'cut') => {
      request.off('data', take);
      resolve(result);
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > MOST_BYTES) settle('too_large');
      else chunks.push(chunk);
    };
    request.on('data', take);
    request.once('end', () => settle(Buffer.concat(chunks)));
    request.once('error', () => settle('cut'));
    request.once('close', () => settle('cut'));
  });
}

/** Resolves to whether the body came to its end within the bounds. */
function drop(request: IncomingMessage): Promise<boolean> {
  if (request.complete) return Promise.resolve(true);
  let bytes = 0;
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), DROPPED.ms).unref();
    const settle = (isWhole: boolean) => {
      clearTimeout(timer);
      resolve(isWhole);
    };
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > DROPPED.bytes) settle(false);
    });
    request.once('end', () => settle(true));
    request.once('close', () => settle(request.complete));
  });
}

// ---- the three content types ---------------------------------------------------------------------------------------

/** The fields of a body; undefined for anything but flat, unrepeated texts in UTF-8. Never throws, whatever the bytes. */
export function parseFields(contentType: string, bytes: Buffer): Promise<Fields | undefined> {
  switch (contentType.split(';')[0]?.trim().toLowerCase()) {
    case 'application/x-www-form-urlencoded':
      return Promise.resolve(parseUrlencoded(bytes));
    case 'application/json':
      return Promise.resolve(parseFlatJson(bytes));
    case 'multipart/form-data':
      return parseMultipart(contentType, bytes);
    default:
      return Promise.resolve(undefined);
  }
}

function parseUrlencoded(bytes: Buffer): Fields | undefined {
  const text = decodeUtf8(bytes);
  return text === undefined ? undefined : collect([...new URLSearchParams(text)]);
}

function parseFlatJson(bytes: Buffer): Fields | undefined {
  const text = decodeUtf8(bytes);
  const value = parseJson(text);
  if (text === undefined || typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  if (!entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) return undefined;
  // JSON.parse keeps the last of repeated names and says nothing; in a flat object each pair is two string tokens.
  const tokens = text.match(/"(?:[^"\\]|\\.)*"/g) ?? [];
  return tokens.length === 2 * entries.length ? new Map(entries) : undefined;
}

function parseMultipart(contentType: string, bytes: Buffer): Promise<Fields | undefined> {
  return new Promise((resolve) => {
    const refuse = () => resolve(undefined);
    try {
      const entries: [string, string][] = [];
      const limits = { fields: MOST_FIELDS, parts: MOST_FIELDS, files: 0, fieldSize: MOST_BYTES, headerPairs: 20 };
      const parser = busboy({ headers: { 'content-type': contentType }, limits, defParamCharset: 'utf8' });
      parser.on('field', (name, value, { nameTruncated, valueTruncated }) => {
        if (nameTruncated || valueTruncated) refuse();
        entries.push([name, value]);
      });
      for (const event of ['filesLimit', 'fieldsLimit', 'partsLimit', 'error']) parser.on(event, refuse);
      parser.on('close', () => resolve(collect(entries)));
      parser.end(bytes);
    } catch {
      // A boundary that is missing or broken.
      refuse();
    }
  });
}

/** Undefined when a name is repeated, or when bytes that are no UTF-8 were replaced: two passwords must not become one. */
function collect(entries: readonly (readonly [string, string])[]): Fields | undefined {
  const fields = new Map(entries);
  if (fields.size !== entries.length || entries.length > MOST_FIELDS) return undefined;
  return entries.some(([name, value]) => `${name}${value}`.includes('\ufffd')) ? undefined : fields;
}

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
