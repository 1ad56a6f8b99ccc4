/** `npm run synth -- [environment...]`, and what the cdktf CLI runs (cdktf.json): synth.ts, from one file. */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { bundled } from './bundled.ts';

// `npm run synth` names the folder itself, so that this file is kept too: for a single one that is not, Node loads its
// reader of TypeScript.
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/node'));
await import(await bundled('stacks/synth.ts'));
