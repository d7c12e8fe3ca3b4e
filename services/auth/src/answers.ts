/** The ways in which auth answers: JSON for programs, a plain page for people, a redirect, a refusal. */
import { STATUS_CODES } from 'node:http';
import type { Request, Response } from 'express';

/** Ends the response with a JSON object. */
export function sayJson(response: Response, status: number, body: object): void {
  end(response, status, 'application/json; charset=utf-8', JSON.stringify(body));
}

/** Sends the browser to another of our paths. Without a body: there is nothing in it that could be made to echo. */
export function redirect(response: Response, path: '/home' | '/chat'): void {
  response.writeHead(302, { Location: path, 'Content-Length': 0 }).end();
}

/** Says that a request cannot be served: a page if a browser wants to show the answer, JSON otherwise. */
export function refuse(request: Request, response: Response, status: number, message: string): void {
  response.vary('Accept');
  const isForPeople = request.method !== 'POST' && request.accepts(['json', 'html']) === 'html';
  if (isForPeople) end(response, status, 'text/html; charset=utf-8', plainPage(STATUS_CODES[status] ?? 'Error', message));
  else sayJson(response, status, { message });
}

/** Tells how long to wait, in the header (RFC 9110 §10.2.3) and in words. */
export function tooMany(response: Response, retryAfterMs: number): void {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  response.setHeader('Retry-After', seconds);
  sayJson(response, 429, { message: `Too many attempts. Please wait ${inWords(seconds)} and try again.` });
}

function inWords(seconds: number): string {
  if (seconds === 1) return '1 second';
  return seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}

function end(response: Response, status: number, type: string, text: string) {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) }).end(text);
}

/** Both texts are ours. */
function plainPage(title: string, message: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<h1>${title}</h1>
<p>${message}</p>
<p><a href="/home">Go to the start page</a></p>
</html>
`;
}
