/** What cdktf does in vain here, left out: a third of a synth's CPU. Imported before cdktf. */
import { createRequire, Module } from 'node:module';

const require = createRequire(import.meta.url);

// It keeps the stack of every token, for nothing that is printed here.
require('cdktf/lib/tokens/private/stack-trace.js').captureStackTrace = () => [];

// It reads a zip library that this process never calls: what is to be packed, a process of its own packs.
const zip = createRequire(require.resolve('cdktf')).resolve('archiver');
require.cache[zip] = Object.assign(new Module(zip), { loaded: true });
