/** Accounts for the clients: signed up and in through the pages, each from the address that its connections will come from. */
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import type { Pass } from './rawClient.ts';

type Answer = { status: number; cookies: string[]; body: string };

const AT_A_TIME = 4;
const TRIES = 3;

/** Signs people up and in, a few at a time. */
export async function getPasses(
  pagesUrl: string,
  names: readonly string[],
  addressOf: (index: number) => string,
): Promise<Pass[]> {
  const passes: Pass[] = [];
  let next = 0;
  const work = async () => {
    for (let index = next++; index < names.length; index = next++) {
      passes[index] = await getPass(pagesUrl, names[index] as string, addressOf(index));
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return passes;
}

async function getPass(pagesUrl: string, name: string, localAddress: string): Promise<Pass> {
  const form = (action: string) => JSON.stringify({ username: name, password: `the password of ${name}`, action });
  const jar = new Map<string, string>();
  const cookie = () => [...jar].map(([key, value]) => `${key}=${value}`).join('; ');
  const ask = async (method: string, path: string, body?: string) => {
    const answer = await askPatiently(pagesUrl + path, {
      method,
      localAddress,
      cookie: cookie(),
      ...(body !== undefined && { body }),
    });
    for (const line of answer.cookies) {
      const [pair = ''] = line.split(';');
      jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    return answer;
  };
  const signup = await ask('POST', '/home', form('signup'));
  if (signup.status !== 201) throw new Error(`${name} could not sign up: ${signup.status} ${signup.body}`);
  const login = await ask('POST', '/home', form('login'));
  if (login.status !== 200) throw new Error(`${name} could not log in: ${login.status} ${login.body}`);
  const me = JSON.parse((await ask('GET', '/api/me')).body) as { user: { id: string } };
  return { name, userId: me.user.id, cookie: cookie(), localAddress };
}

type Asked = { method: string; localAddress: string; cookie: string; body?: string };

async function askPatiently(url: string, asked: Asked): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask(url, asked);
    } catch (error) {
      if (tries === TRIES) throw error;
    }
  }
}

/** Without a proxy in between we say ourselves what it would. */
function ask(url: string, { method, localAddress, cookie, body }: Asked): Promise<Answer> {
  const isTls = url.startsWith('https:');
  const headers = {
    ...(cookie && { cookie }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(!isTls && { 'x-forwarded-proto': 'https', 'x-forwarded-for': localAddress }),
  };
  // The pages ask their proxy's address, which is trusted, not the client's.
  const from = isTls ? { localAddress } : {};
  return new Promise((resolve, reject) => {
    const options = { method, headers, family: 4, rejectUnauthorized: false, agent: false as const, timeout: 20_000, ...from };
    const asking = (isTls ? requestTls : requestPlain)(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, cookies: response.headers['set-cookie'] ?? [], body: text }),
      );
    });
    asking.on('timeout', () => asking.destroy(new Error(`${url} got no answer`)));
    asking.on('error', reject);
    asking.end(body);
  });
}
