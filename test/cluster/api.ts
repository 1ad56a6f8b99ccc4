/** The API of a cluster, as a client of it: JSON over TLS, with a token. */
import { request } from 'node:https';
import { setTimeout } from 'node:timers/promises';
import type { Manifest } from '../constructs/platforms/kubernetes/manifests.ts';

export interface Access {
  readonly port: number;
  readonly token: string;
  readonly authority: string;
}

export type Json = Record<string, unknown>;
export interface Answer {
  readonly status: number;
  readonly body: Json;
}

export type Api = (method: string, path: string, body?: unknown) => Promise<Answer>;

export const apiOf =
  ({ port, token, authority }: Access): Api =>
  (method, path, body) =>
    new Promise((resolve, reject) => {
      const type = method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json';
      const sent = request(
        {
          ...{ host: '127.0.0.1', port, path, method, ca: authority, servername: 'kubernetes', timeout: 30_000 },
          headers: { authorization: `Bearer ${token}`, 'content-type': type },
        },
        async (response) => {
          const text = (await response.setEncoding('utf8').toArray()).join('');
          const json = text.startsWith('{');
          resolve({ status: response.statusCode ?? 0, body: json ? (JSON.parse(text) as Json) : { text } });
        },
      );
      sent.on('timeout', () => sent.destroy(new Error(`${method} ${path} took longer than 30 s`)));
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });

const plurals: Readonly<Record<string, string>> = {
  NetworkPolicy: 'networkpolicies',
  PriorityClass: 'priorityclasses',
};
const namespaceless = ['Namespace', 'PriorityClass', 'Node', 'CustomResourceDefinition'];

/** Where objects of its kind are. */
export function collection({ apiVersion, kind, metadata }: Manifest): string {
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = namespaceless.includes(kind) ? '' : `/namespaces/${metadata.namespace}`;
  return `${group}${place}/${plurals[kind] ?? `${kind.toLowerCase()}s`}`;
}

/** @throws Error with the API's own word when it refuses. */
export async function create(api: Api, manifest: Manifest): Promise<void> {
  const { status, body } = await api('POST', collection(manifest), manifest);
  if (status !== 201) throw new Error(`${manifest.kind} ${manifest.metadata.name}: ${status} ${body.message}`);
}

export async function list(api: Api, path: string): Promise<Json[]> {
  const { status, body } = await api('GET', path);
  if (status !== 200) throw new Error(`GET ${path}: ${status} ${body.message}`);
  return body.items as Json[];
}

/** @throws Error saying what was waited for, and what there was instead. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>, ms = 600_000): Promise<T> {
  const end = Date.now() + ms;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const found = await look();
      if (found) return found;
      last = found;
    } catch (error) {
      last = error;
    }
    await setTimeout(250);
  }
  throw new Error(`waited ${ms} ms for ${what}; last: ${last}`);
}
