/** What each image holds beside its one bundled file. Data only. */
import type { ServiceName } from '../../services/manifest.ts';

export interface Contents {
  /** Programs that `main` starts as processes of their own: name of the bundle -> source. */
  readonly children?: Readonly<Record<string, string>>;
  /** Copied as they are: path in the image's /app -> path in the project. */
  readonly files?: Readonly<Record<string, string>>;
  /** npm packages that cannot be bundled; `{arch}` is x64 or arm64. Native code loses its debug symbols. */
  readonly packages?: readonly string[];
  /** The script that makes what `files` copies. */
  readonly prepare?: string;
  /** MiB above the common base that the image may take, with what takes it. */
  readonly budgetMiB: number;
}

/** Read by every service that waits for its schema, applied by the api's `migrate`. */
const migrations = { migrations: 'services/shared/postgres/migrations' };

/** The Lua script of who asks for grants. */
const scheduler = { lua: 'services/shared/scheduler/lua' };

/** Imported by libraries only when the feature is used, which is never here. */
export const neverLoaded = ['pg-native', '@huggingface/transformers', 'pino-pretty'];

export const contents: Readonly<Record<ServiceName, Contents>> = {
  api: { files: { ...migrations, ...scheduler }, budgetMiB: 15 },
  chat: { files: migrations, budgetMiB: 15 },
  web: { files: { dist: 'services/web/dist' }, prepare: 'services/web/build.ts', budgetMiB: 15 },
  // PDFium as WebAssembly: 4.6 MB.
  'document-worker': {
    children: { child: 'services/document-worker/parser/child.ts' },
    files: { ...migrations, ...scheduler },
    packages: ['@embedpdf/pdfium'],
    budgetMiB: 40,
  },
  // LanceDB's native module: 155 MB without its symbols.
  vectorstore: { files: migrations, packages: ['@lancedb/lancedb-linux-{arch}-gnu'], budgetMiB: 200 },
};
