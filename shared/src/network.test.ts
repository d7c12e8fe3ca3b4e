import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import { networks } from './config.ts';
import { clientAddress, networkOf } from './network.ts';

const nobody = new BlockList();
const proxies = networks().parse('10.0.0.0/8, fd00::/8');

test('without trusted proxies the address is the one that the connection comes from', () => {
  assert.equal(clientAddress(requestFrom('192.0.2.1'), nobody), '192.0.2.1');
  assert.equal(clientAddress(requestFrom('2001:db8::1'), nobody), '2001:db8::1');
});

test('mallory invents an X-Forwarded-For, and nobody believes it', () => {
  assert.equal(clientAddress(requestFrom('192.0.2.66', '198.51.100.1'), proxies), '192.0.2.66');
  assert.equal(clientAddress(requestFrom('127.0.0.1', '198.51.100.1'), nobody), '127.0.0.1');
});

test('a trusted proxy is believed about its client', () => {
  assert.equal(clientAddress(requestFrom('10.0.0.5', '198.51.100.1'), proxies), '198.51.100.1');
  assert.equal(clientAddress(requestFrom('fd00::1', '2001:db8::7'), proxies), '2001:db8::7');
});

test('mallory behind the proxy puts another address first, and is found all the same', () => {
  assert.equal(clientAddress(requestFrom('10.0.0.5', '198.51.100.1, 192.0.2.66'), proxies), '192.0.2.66');
});

test('a chain of trusted proxies is followed to its end', () => {
  assert.equal(clientAddress(requestFrom('10.0.0.5', '198.51.100.1, 10.1.1.1, 10.2.2.2'), proxies), '198.51.100.1');
  assert.equal(clientAddress(requestFrom('10.0.0.5', '10.1.1.1'), proxies), '10.1.1.1');
});

test('a proxy that says nothing, or no address, is the client itself', () => {
  assert.equal(clientAddress(requestFrom('10.0.0.5'), proxies), '10.0.0.5');
  for (const odd of ['', 'unknown', ' ', '198.51.100.1:80', "'; drop", ',']) {
    assert.equal(clientAddress(requestFrom('10.0.0.5', odd), proxies), '10.0.0.5', odd);
  }
});

test('IPv4 in IPv6 clothes is IPv4, for trust too', () => {
  assert.equal(clientAddress(requestFrom('::ffff:192.0.2.1'), proxies), '192.0.2.1');
  assert.equal(clientAddress(requestFrom('::ffff:10.0.0.5', '::FFFF:198.51.100.1'), proxies), '198.51.100.1');
});

test('a link-local address loses its zone, a closed socket has no address', () => {
  assert.equal(clientAddress(requestFrom('fe80::1%eth0'), nobody), 'fe80::1');
  assert.equal(clientAddress(requestFrom(undefined), nobody), '0.0.0.0');
});

test('IPv4 is counted by address, IPv6 by /64, however it is written', () => {
  const table = {
    '192.0.2.1': '192.0.2.1',
    '2001:db8:0:1:2:3:4:5': '2001:db8:0:1::/64',
    '2001:0DB8:0000:0001:ffff:ffff:ffff:ffff': '2001:db8:0:1::/64',
    '2001:db8:0:1::': '2001:db8:0:1::/64',
    '2001:db8::1:0:0:1': '2001:db8:0:0::/64',
    '2001:db8::1': '2001:db8:0:0::/64',
    '::1': '0:0:0:0::/64',
    '1::': '1:0:0:0::/64',
    '64:ff9b::192.0.2.1': '64:ff9b:0:0::/64',
  };
  for (const [address, network] of Object.entries(table)) assert.equal(networkOf(address), network, address);
});

test('mallory cannot leave a network by changing the end of an address, alice next door is another network', () => {
  assert.equal(networkOf('2001:db8:1:2::1'), networkOf('2001:db8:1:2:dead:beef:cafe:1'));
  assert.notEqual(networkOf('2001:db8:1:2::1'), networkOf('2001:db8:1:3::1'));
});

function requestFrom(remoteAddress: string | undefined, forwarded?: string): IncomingMessage {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return { socket: { remoteAddress }, headers } as unknown as IncomingMessage;
}
