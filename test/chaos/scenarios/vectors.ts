/** Words in a brain's table, read past the vectorstore: in its newest version, and in every other that LanceDB keeps. */
import { connect, type Table } from '@lancedb/lancedb';
import type { Cluster } from '../cluster.ts';

export interface VectorWords {
  /** Versions in which each word stands, oldest first. */
  readonly versions: ReadonlyMap<string, readonly number[]>;
  /** Words of the newest version. */
  readonly newest: ReadonlySet<string>;
}

/** @param pattern of the words */
export async function findInVectors(cluster: Cluster, brain: string, pattern: string): Promise<VectorWords> {
  const [row] = await cluster.services.query('select tenant_id from brains where id = $1', [brain]);
  const { AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = cluster.s3.env;
  const { tenant_id } = row as { tenant_id: string };
  const connection = await connect(`s3://${cluster.s3.bucket}/chaos/tenants/${tenant_id}/brains/${brain}/`, {
    storageOptions: {
      aws_endpoint: AWS_ENDPOINT_URL,
      aws_region: AWS_REGION,
      aws_access_key_id: AWS_ACCESS_KEY_ID,
      aws_secret_access_key: AWS_SECRET_ACCESS_KEY,
      allow_http: 'true',
    },
  });
  try {
    if (!(await connection.tableNames()).includes('chunks')) return { versions: new Map(), newest: new Set() };
    const table = await connection.openTable('chunks');
    const versions = new Map<string, number[]>();
    for (const version of await versionsOf(table))
      for (const word of await wordsIn(table, version, pattern))
        versions.set(word, [...(versions.get(word) ?? []), version]);
    await table.checkoutLatest();
    const newest = await table.version();
    return { versions, newest: await wordsIn(table, newest, pattern) };
  } finally {
    connection.close();
  }
}

async function versionsOf(table: Table): Promise<number[]> {
  await table.checkoutLatest();
  return (await table.listVersions()).map(({ version }) => version).sort((a, b) => a - b);
}

/** None when the version is tidied away meanwhile: then nobody else can read it either. */
async function wordsIn(table: Table, version: number, pattern: string): Promise<Set<string>> {
  const words = new Set<string>();
  try {
    await table.checkout(version);
    for await (const batch of table.query().select(['text']))
      for (const text of batch.getChild('text') ?? [])
        for (const word of String(text).match(new RegExp(pattern, 'g')) ?? []) words.add(word);
    return words;
  } catch (error) {
    if ((await versionsOf(table)).includes(version)) throw error;
    return new Set();
  }
}
