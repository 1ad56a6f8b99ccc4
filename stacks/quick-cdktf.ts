/** What cdktf does in vain here, left out: a third of a synth's CPU. Imported before cdktf. */
import { createRequire, Module } from 'node:module';

const require = createRequire(import.meta.url);
const ofCdktf = createRequire(require.resolve('cdktf'));

/** What cdktf gets where it asks for one of its dependencies. */
function replace(dependency: string, exports: unknown): void {
  const file = ofCdktf.resolve(dependency);
  require.cache[file] = Object.assign(new Module(file), { exports, loaded: true });
}

// It keeps the stack of every token, for nothing that is printed here.
require('cdktf/lib/tokens/private/stack-trace.js').captureStackTrace = () => [];

// It reads a zip library that this process never calls: what is to be packed, a process of its own packs.
replace('archiver', {});

// 45 files, of which it calls one function, and that only for a resource that was moved.
replace('semver', {
  satisfies: (version: string, range: string) => ofCdktf('semver/functions/satisfies.js')(version, range),
});

// 38 files, by which its JSON writer takes four methods from `Array`.
const uncurried = (method: (this: unknown) => unknown) => Function.prototype.call.bind(method);
replace('call-bind', uncurried);
replace('call-bound', (name: string) =>
  uncurried(name.split('.').reduce((found, part) => Object(found)[part], globalThis as unknown) as () => unknown),
);
