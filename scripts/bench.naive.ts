/**
 * What many chat servers do: `ws`, and for each message a loop that sends it to everybody. Stores nothing. TLS in Node,
 * or plain when no certificate is given, for a proxy in front.
 */
import { readFileSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';
import { WebSocketServer } from 'ws';

const [port, certPath, keyPath] = process.argv.slice(2);
const server =
  certPath === undefined || keyPath === undefined
    ? createPlainServer()
    : createServer({ cert: readFileSync(certPath), key: readFileSync(keyPath) });
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => {
  socket.once('message', () => {
    socket.on('message', (text) => {
      for (const client of sockets.clients) client.send(String(text));
    });
    socket.send('hello');
  });
});
server.listen(Number(port), () => process.send?.('ready'));
