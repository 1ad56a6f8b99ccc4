/** What the first load weighs, and what it may weigh. Pure. */

/** Vite's `manifest.json`, as far as the sizes need it. */
export type Manifest = Readonly<
  Record<string, { file: string; isEntry?: boolean; imports?: readonly string[]; css?: readonly string[] }>
>;

/** Bytes, gzip. */
export interface Sizes {
  readonly script: number;
  readonly style: number;
}

/** Goals of the first load in bytes, gzip: 2.5 s to interactive at 1.6 Mbit/s and a quarter of the processor. */
export const sizesMax: Sizes = { script: 170 * 1024, style: 15 * 1024 };

/**
 * The size of the entry with everything it imports at once; lazy parts do not count.
 *
 * @throws Error when a goal is missed, with the files that weigh.
 */
export function checkSizes(manifest: Manifest, sizeOf: (file: string) => number): Sizes {
  const { scripts, styles } = firstLoad(manifest);
  const sum = (files: readonly string[]) => files.reduce((total, file) => total + sizeOf(file), 0);
  const sizes = { script: sum(scripts), style: sum(styles) };
  for (const kind of ['script', 'style'] as const)
    if (sizes[kind] > sizesMax[kind]) {
      const files = kind === 'script' ? scripts : styles;
      throw new Error(
        `the first load has ${sizes[kind]} bytes of ${kind} (gzip), allowed are ${sizesMax[kind]}: load a part of it lazily.\n` +
          files.map((file) => `- ${file}: ${sizeOf(file)}`).join('\n'),
      );
    }
  return sizes;
}

function firstLoad(manifest: Manifest): { scripts: string[]; styles: string[] } {
  const scripts = new Set<string>();
  const styles = new Set<string>();
  const visit = (key: string) => {
    const chunk = manifest[key];
    if (!chunk || scripts.has(chunk.file)) return;
    scripts.add(chunk.file);
    for (const style of chunk.css ?? []) styles.add(style);
    chunk.imports?.forEach(visit);
  };
  for (const [key, chunk] of Object.entries(manifest)) if (chunk.isEntry) visit(key);
  return { scripts: [...scripts], styles: [...styles] };
}
