/**
 * `lexical-hashing-v1`: the embedding that needs no model and no network.
 *
 * Feature hashing of words and character n-grams (Weinberger et al., "Feature Hashing for Large Scale Multitask
 * Learning", ICML 2009): every feature adds ±weight to one of `dimensions` buckets; signs make collisions cancel on
 * average. Sublinear term frequency (1 + ln tf), then L2 normalisation, so a dot product is a cosine.
 *
 * Its honest limit: it is lexical, not semantic. Texts are near when they share words or parts of words; a synonym or a
 * translation is as far away as any other text. It has no corpus, so frequent words are damped by their shortness only
 * (Zipf's law of abbreviation), not by an inverse document frequency.
 *
 * Same text, same vector, on every machine and in every version: a change of the arithmetic needs a new name.
 */
export const lexicalHashingModel = 'lexical-hashing-v1';

/** @returns `dimensions` numbers of L2 norm 1; all zero when the text has no letter and no digit */
export function lexicalHashing(text: string, dimensions: number): number[] {
  const vector = new Float64Array(dimensions);
  for (const [feature, count] of countFeatures(text)) {
    const hash = mix(feature);
    const weight = (1 + Math.log(count.times)) * count.weight;
    const bucket = (hash >>> 1) % dimensions;
    vector[bucket] = (vector[bucket] as number) + (hash & 1 ? weight : -weight);
  }
  const norm = Math.hypot(...vector);
  return Array.from(vector, (value) => (norm === 0 ? 0 : value / norm));
}

/** A word of six letters or more counts in full; shorter ones are mostly articles, pronouns and prepositions. */
const fullWeightLetters = 6;
/** Parts of words bridge inflection ("index", "indexed") but are many: together they weigh about as much as the word. */
const partWeight = 0.35;
const pairWeight = 0.6;
/** Longer runs are keys, hashes or scanning faults; their first letters tell as much. */
const wordLettersMax = 40;

/** Scripts written without spaces, or whose words carry endings: their parts are bigrams and trigrams of syllables. */
const syllabic = /^[\p{Script=Hangul}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;
/** Runs of one kind, so that "PDF를" is the word "pdf" and the particle. */
const words =
  /[\p{Script=Hangul}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+|[\p{L}\p{M}\p{N}]+?(?=[\p{Script=Hangul}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[^\p{L}\p{M}\p{N}]|$)/gu;

interface Count {
  times: number;
  readonly weight: number;
}

/** Features by their 32-bit hash: text is not kept, and two features that share all 32 bits share a bucket anyway. */
function countFeatures(text: string): Map<number, Count> {
  const counts = new Map<number, Count>();
  const add = (kind: string, feature: string, weight: number) => {
    const hash = fnv1a(kind + feature);
    const count = counts.get(hash);
    if (count) count.times += 1;
    else counts.set(hash, { times: 1, weight });
  };
  let previous = '';
  for (const [found] of text.normalize('NFKC').toLowerCase().matchAll(words)) {
    const letters = [...found].slice(0, wordLettersMax);
    const word = letters.join('');
    const parts = syllabic.test(word);
    const weight = parts || /\p{N}/u.test(word) ? 1 : Math.min(1, letters.length / fullWeightLetters);
    add('w', word, weight);
    if (previous) add('p', `${previous} ${word}`, pairWeight * weight);
    previous = word;
    const source = parts ? letters : ['^', ...letters, '$'];
    for (const length of parts ? [2, 3] : [3, 4])
      for (let at = 0; at + length <= source.length; at++)
        add('c', source.slice(at, at + length).join(''), (parts ? 1 : partWeight) * weight);
  }
  return counts;
}

/** FNV-1a, 32 bit, over UTF-16 code units. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** The finalizer of MurmurHash3: FNV's low bits alone are too regular to choose a bucket and a sign. */
function mix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
