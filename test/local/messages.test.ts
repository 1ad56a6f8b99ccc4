import { expect, test } from '@jest/globals';
import { oldNode, unsupportedPlatform } from '../../local/machine.ts';
import { portTaken } from '../../local/router/ports.ts';
import { tokenIn } from '../../local/steps.ts';
import { stopWaves } from '../../local/stop.ts';
import { configuration } from '../../local/stores/redis.ts';
import { shownModel, welcome } from '../../local/welcome.ts';
import { serviceNames } from '../../services/manifest.ts';

test('a Node that is too old is named, with the way to the right one', () => {
  expect(oldNode('22.18.0')).toBe(
    'this is Node 22.18.0, the project needs 24 or newer and brings it itself: npm ci && npm start',
  );
  expect(oldNode('24.0.0')).toBeUndefined();
  expect(oldNode('104.1.0')).toBeUndefined();
});

test('Windows itself is refused with the way that works', () => {
  expect(unsupportedPlatform('win32')).toContain('run it inside WSL 2');
  expect(unsupportedPlatform('darwin')).toBeUndefined();
});

test('a taken port names its holder if known, and the next try', () => {
  expect(portTaken(8080, 'process 7 (nginx)')).toBe(
    'port 8080 is held by process 7 (nginx); end that program, or choose another port: npm start -- --port 8081',
  );
  expect(portTaken(65_535, undefined)).toBe(
    'port 65535 is held by another program; end that program, or choose another port: npm start -- --port 8080',
  );
});

test('Redis listens on loopback with a password, keeps nothing on disk, and forgets nothing in memory', () => {
  expect(configuration(7000, 'p')).toBe(
    'bind 127.0.0.1\nport 7000\nrequirepass p\nsave ""\nappendonly no\nmaxmemory 128mb\nmaxmemory-policy noeviction\n',
  );
});

test('the owner’s token is found among log lines; none is a fault', () => {
  expect(tokenIn('starting\n{"level":30}\n{"token":"t"}\n{"msg":"done"}\n')).toBe('t');
  expect(() => tokenIn('{"token":""}')).toThrow('owner-link printed no line { "token": "..." }');
});

test('callers stop before those they call', () => {
  expect(stopWaves(serviceNames)).toEqual([
    ['chat', 'api', 'web', 'document-worker'],
    ['vectorstore', 'embedding', 'governor'],
  ]);
});

test('the welcome says what answers', () => {
  const deployment = { url: 'http://localhost:1', dataFolder: '/d', redis: 'redis-server' };
  expect(welcome(deployment, undefined)).toContain('Answers   extractive');
  expect(welcome(deployment, undefined)).not.toContain('Sign in');
  const text = welcome({ ...deployment, signInUrl: 'http://localhost:1/sign-in#token=t' }, 'gpt-5-mini');
  expect(text).toContain('Sign in as the owner, once, with:\n  http://localhost:1/sign-in#token=t');
  expect(text).toContain('Answers   by gpt-5-mini');
  const models = ['one', 'two'].map((name) => ({ name, url: 'http://localhost:1/v1', contextTokens: 8000 }));
  expect([
    shownModel({ MODELS: JSON.stringify(models) }),
    shownModel({ MODEL_URL: 'u', MODEL_NAME: 'm' }),
    shownModel({ MODEL_URL: 'u' }),
    shownModel({}),
  ]).toEqual(['one, two', 'm', 'u', undefined]);
});
