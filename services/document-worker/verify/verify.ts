/**
 * The conservation check: nothing accepted is missing, nothing deleted is left, nothing stands twice. It reads rows,
 * objects and vectors and changes nothing; what is under way meanwhile may show as missing, so run it in a quiet moment.
 */

import { createSigner } from '../../shared/auth/service-token.ts';
import type { Logger } from '../../shared/log.ts';
import { type Database, openDatabase } from '../../shared/postgres/database.ts';
import { workStatementTimeoutMs } from '../../shared/postgres/database-options.ts';
import { type DocumentStore, openDocumentStore } from '../../shared/storage/document-store.ts';
import { openVectors } from '../index/vectors.ts';
import type { WorkerSettings } from '../worker.ts';
import { checkObjects } from './check-objects.ts';
import { checkRows } from './check-rows.ts';
import { checkVectors, type StoredChunks } from './check-vectors.ts';
import type { Finding } from './finding.ts';

export async function verify(db: Database, store: DocumentStore, stored: StoredChunks): Promise<Finding[]> {
  return [...(await checkRows(db)), ...(await checkObjects(db, store)), ...(await checkVectors(db, store, stored))];
}

/** Runs the check on a worker's own parts, prints what was found, and answers the exit code: 1 when anything was. */
export async function runVerify(
  settings: WorkerSettings,
  log: Logger,
  { json }: { readonly json: boolean },
): Promise<number> {
  const { db, close } = openDatabase({
    url: settings.DATABASE_URL,
    connectionsMax: 2,
    log,
    statementTimeoutMs: workStatementTimeoutMs,
    // As an operator may run it with the owner's URL.
    readOnly: true,
  });
  try {
    const store = await openDocumentStore(settings.DOCUMENT_STORE_URL);
    const sign = await createSigner('document-worker', settings.SERVICE_TOKEN_PRIVATE_KEY);
    const findings = await verify(db, store, openVectors(settings.VECTORSTORE_URL, sign));
    process.stdout.write(json ? `${JSON.stringify(findings)}\n` : report(findings));
    return findings.length > 0 ? 1 : 0;
  } finally {
    await close();
  }
}

/** As lines for a person. */
export function report(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'Nothing is missing, nothing is left over, nothing stands twice.\n';
  const lines = findings.map(
    ({ kind, says, subject, detail }) => `${kind}: ${says}: ${subject}${detail ? ` (${detail})` : ''}\n`,
  );
  return `${lines.join('')}${findings.length} findings. A document that is missing something can be uploaded again, or read again by its job's pages:retry.\n`;
}
