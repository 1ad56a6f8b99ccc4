/** How Node imports what a synth needs, with less to read. Imported before cdktf and zod. */
import { createRequire, registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

registerHooks({
  load(url, context, nextLoad) {
    const instead = (source: string) => ({ format: 'module', source, shortCircuit: true });
    // A CommonJS file that is imported Node reads twice, once to look for the names that it exports; a required one once.
    if (/\/node_modules\/(@?cdktf|constructs)\//.test(url) && context.conditions.includes('import')) {
      const file = fileURLToPath(url);
      const required = `createRequire(import.meta.url)(${JSON.stringify(file)})`;
      return instead(
        `import { createRequire } from 'node:module'; export const { ${Object.keys(require(file))} } = ${required};`,
      );
    }
    // Zod's 60 languages; the one that it speaks it imports by itself.
    if (url.endsWith('/zod/v4/locales/index.js')) return instead('');
    return nextLoad(url, context);
  },
});
