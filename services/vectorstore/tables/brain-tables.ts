/** Tables of all brains on the document store, the most recently used ones kept open. */
import { fileURLToPath } from 'node:url';
import { type Connection, connect, Session, type Table } from '@lancedb/lancedb';
import * as keys from '../../shared/storage/object-keys.ts';
import { createTable, type Embedding, isMissing, openSnapshot, openTable, type Snapshot } from './table-schema.ts';

export interface Brain {
  readonly tenantId: string;
  readonly brainId: string;
}

export interface BrainTables {
  /** Runs `use` on the brain's table; null when it has none. Reads see every commit of every replica. */
  read<Answer>(brain: Brain, use: (table: Table) => Promise<Answer>): Promise<Answer | null>;
  /** As {@link BrainTables.read}, on the newest version as it stands: several queries see the same rows. */
  search<Answer>(brain: Brain, use: (snapshot: Snapshot) => Promise<Answer>): Promise<Answer | null>;
  /** Only under the writer's lock: makes the table if the brain has none. */
  write<Answer>(brain: Brain, embedding: Embedding | null, use: (table: Table) => Promise<Answer>): Promise<Answer>;
  forget(brain: Brain): void;
  /** Bytes of index and metadata cache in use. */
  cacheBytes(): number;
  close(): void;
}

/** Key prefix of the brain's table in the document store. */
export const tablePrefix = ({ tenantId, brainId }: Brain) => keys.chunksPrefix(tenantId, brainId);
const brainPrefix = ({ tenantId, brainId }: Brain) => keys.brainPrefix(tenantId, brainId);

/** A handle holds a manifest of some kilobytes and no file; opening one again takes milliseconds. */
const handlesMax = 256;
/** A purge takes the files of older versions away from under a search, in the worst case from its second try too. */
const readTriesMax = 3;
/** File metadata is small beside posting lists and vectors, but is read first by every query. */
const metadataShare = 8n;

/** @param documentStoreUrl `file:///folder` or `s3://bucket/prefix` */
export function openBrainTables(documentStoreUrl: string, cacheMiB: number): BrainTables {
  const bytes = BigInt(cacheMiB) * 1024n * 1024n;
  const session = new Session(bytes - bytes / metadataShare, bytes / metadataShare);
  const root = rootOf(documentStoreUrl);
  const http = process.env.AWS_ENDPOINT_URL?.startsWith('http:') ?? false;
  // By tenant and brain, so that another tenant's token opens nothing; in order of last use (a Map keeps insertion order).
  const handles = new Map<string, Handle>();

  const connectTo = (brain: Brain): Promise<Connection> =>
    connect(`${root}${brainPrefix(brain)}`, {
      session,
      // Every read asks for the newest version: a document is searchable on all replicas once its commit is answered.
      readConsistencyInterval: 0,
      storageOptions: http ? { allow_http: 'true' } : {},
    });
  const keep = (brain: Brain, handle: Handle) => {
    handles.delete(brainPrefix(brain));
    handles.set(brainPrefix(brain), handle);
    // Not closed: a query may still run on it. The garbage collector frees it.
    for (const oldest of handles.keys()) if (handles.size > handlesMax) handles.delete(oldest);
    return handle;
  };
  const opening = new Map<string, Promise<Handle | null>>();
  const existing = async (brain: Brain): Promise<Handle | null> => {
    const prefix = brainPrefix(brain);
    const known = handles.get(prefix);
    if (known) return keep(brain, known);
    const others = opening.get(prefix);
    // Where they find none, there may be one by now.
    const theirs = others && (await others);
    if (theirs) return theirs;
    const own = open(brain);
    opening.set(prefix, own);
    try {
      return await own;
    } finally {
      if (opening.get(prefix) === own) opening.delete(prefix);
    }
  };
  const open = async (brain: Brain): Promise<Handle | null> => {
    const connection = await connectTo(brain);
    try {
      return keep(brain, { connection, table: await openTable(connection) });
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  };

  const withHandle = async <Answer>(
    brain: Brain,
    use: (handle: Handle) => Promise<Answer>,
    triesLeft = readTriesMax,
  ): Promise<Answer | null> => {
    const handle = await existing(brain);
    if (!handle) return null;
    try {
      return await use(handle);
    } catch (error) {
      if (!isMissing(error) || triesLeft <= 1) throw error;
      // Removed, or purged, since it was opened: the newest version has other files.
      handles.delete(brainPrefix(brain));
      return withHandle(brain, use, triesLeft - 1);
    }
  };
  const read = <Answer>(brain: Brain, use: (table: Table) => Promise<Answer>) =>
    withHandle(brain, ({ table }) => use(table));

  return {
    read,
    search: (brain, use) => withHandle(brain, async (handle) => use(await newestSnapshot(handle))),
    write: async (brain, embedding, use) => {
      const answer = await read(brain, async (table) => ({ value: await use(table) }));
      if (answer) return answer.value;
      const connection = await connectTo(brain);
      const table = await createTable(connection, embedding ?? undefined);
      return use(keep(brain, { connection, table }).table);
    },
    forget: (brain) => void handles.delete(brainPrefix(brain)),
    cacheBytes: () => Number(session.sizeBytes()),
    close: () => {
      for (const { table, snapshot, connection } of handles.values()) {
        table.close();
        snapshot?.table.close();
        connection.close();
      }
      handles.clear();
    },
  };
}

interface Handle {
  readonly connection: Connection;
  readonly table: Table;
  snapshot?: Snapshot;
  /** Of all searches that wait for this version. */
  opening?: { readonly version: number; readonly snapshot: Promise<Snapshot> };
}

async function newestSnapshot(handle: Handle): Promise<Snapshot> {
  const version = await handle.table.version();
  if (handle.snapshot?.version === version) return handle.snapshot;
  if (handle.opening?.version === version) return handle.opening.snapshot;
  const opening = { version, snapshot: openSnapshot(handle.connection, version) };
  handle.opening = opening;
  try {
    const snapshot = await opening.snapshot;
    // Another search may have opened a newer one meanwhile. What is replaced is not closed: a query may still run on it.
    if (version >= (handle.snapshot?.version ?? 0)) handle.snapshot = snapshot;
    return snapshot;
  } finally {
    if (handle.opening === opening) delete handle.opening;
  }
}

function rootOf(url: string): string {
  const { protocol } = new URL(url);
  if (protocol !== 'file:' && protocol !== 's3:')
    throw new Error(`DOCUMENT_STORE_URL is '${url}', allowed are file:///folder and s3://bucket/prefix`);
  return (protocol === 'file:' ? fileURLToPath(url) : url).replace(/([^/])$/, '$1/');
}
