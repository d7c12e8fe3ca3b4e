import type { ServerMessage } from '@securechat/shared/protocol';

/**
 * A whole, unmasked text frame as a server sends it (RFC 6455 §5.2): FIN, opcode 1, the length in 1, 3 or 9 bytes.
 * Built once, it can be written to any number of sockets without being encoded again.
 */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const headerBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerBytes + length);
  frame[0] = 0x81;
  if (headerBytes === 2) {
    frame[1] = length;
  } else if (headerBytes === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, headerBytes);
  return frame;
}

/** A v2 message as a frame. */
export const messageFrame = (message: ServerMessage): Buffer => textFrame(JSON.stringify(message));
