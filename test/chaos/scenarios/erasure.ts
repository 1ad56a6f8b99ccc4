/** Looks for words of documents in everything that is stored: each row, each version of each object, each vector file. */
import { gunzipSync } from 'node:zlib';
import { GetObjectCommand, ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
import type { Cluster } from '../cluster.ts';

/** Words by the places where they stand, as a row's table or an object's key. */
export type Places = ReadonlyMap<string, readonly string[]>;

/**
 * @param pattern of the words, for JavaScript and PostgreSQL alike
 * @param since when the first of these words was said: what was stored before cannot hold one
 */
export async function findWords(cluster: Cluster, pattern: string, since: Date): Promise<Places> {
  const places = new Map<string, string[]>();
  const note = (word: string, place: string) => places.set(word, [...(places.get(word) ?? []), place]);
  for await (const { key, bytes } of objectVersions(cluster, since))
    for (const word of new Set(textOf(key, bytes).match(new RegExp(pattern, 'g')))) note(word, key);
  for (const table of await tablesOf(cluster)) {
    const rows = await cluster.services.query(
      `select distinct (regexp_matches(t::text, '${pattern}', 'g'))[1] as word from ${table} t`,
    );
    for (const { word } of rows as { word: string }[]) note(word, table);
  }
  return places;
}

async function tablesOf(cluster: Cluster): Promise<string[]> {
  const rows = await cluster.services.query(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  return (rows as { name: string }[]).map(({ name }) => name);
}

const textOf = (key: string, bytes: Buffer) => (key.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');

/** Past the proxies, with what a deletion marker hides. */
async function* objectVersions({ s3 }: Cluster, since: Date): AsyncGenerator<{ key: string; bytes: Buffer }> {
  const client = new S3Client({
    endpoint: s3.env.AWS_ENDPOINT_URL,
    region: s3.env.AWS_REGION,
    credentials: { accessKeyId: s3.env.AWS_ACCESS_KEY_ID, secretAccessKey: s3.env.AWS_SECRET_ACCESS_KEY },
    forcePathStyle: true,
  });
  try {
    for (let KeyMarker: string | undefined, VersionIdMarker: string | undefined; ; ) {
      const found = await client.send(new ListObjectVersionsCommand({ Bucket: s3.bucket, KeyMarker, VersionIdMarker }));
      for (const { Key, VersionId, LastModified } of found.Versions ?? []) {
        if (LastModified && LastModified < since) continue;
        const bytes = await client.send(new GetObjectCommand({ Bucket: s3.bucket, Key, VersionId })).then(
          async ({ Body }) => Buffer.from((await Body?.transformToByteArray()) ?? []),
          (error: Error) => {
            // Tidied away since it was listed.
            if (error.name === 'NoSuchVersion') return null;
            throw error;
          },
        );
        if (bytes) yield { key: String(Key), bytes };
      }
      if (!found.IsTruncated) return;
      KeyMarker = found.NextKeyMarker;
      VersionIdMarker = found.NextVersionIdMarker;
    }
  } finally {
    client.destroy();
  }
}
