/** Numbers that stand in a text, as figures or spelled out in English, Korean or Chinese characters. Pure. */

/** 1,000 and 1000 are one number, so are 3.50 and 3,5; that of a list's item ("1. ") is none. */
export function figuresOf(text: string): Set<string> {
  const listed = text.normalize('NFKC').replace(/^\s*\d{1,2}[.)]\s/gm, ' ');
  return new Set(
    (listed.match(/\d+(?:[.,'’ ]\d{3}(?!\d))*(?:[.,]\d+)?/g) ?? []).map((figure) =>
      String(Number(figure.replace(/[.,'’ ](?=\d{3}(?!\d))/g, '').replace(',', '.'))),
    ),
  );
}

/** A passage may write what its reader puts in figures. One too many does little harm, so 한 and 일 count wherever they stand. */
export function numbersOf(text: string): Set<string> {
  const lower = text.normalize('NFKC').toLowerCase().replaceAll('两', '二');
  const english = [...lower.matchAll(englishNumber)].map(([spelled]) => englishValue(spelled));
  const characters = [...lower.matchAll(/[일이삼사오육칠팔구십백천만一二三四五六七八九十百千万]+/g)].map(([spelled]) =>
    positional(spelled),
  );
  const korean = [...lower.matchAll(nativeNumber)].map(
    ([spelled, ten = '', one = spelled]) => 10 * (nativeTens.indexOf(ten) + 1) + (nativeOnes[one] ?? 0),
  );
  return new Set([...figuresOf(text), ...[...english, ...characters, ...korean].map(String)]);
}

const ones =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const tens = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');
const anyWord = [...ones, ...tens, 'hundred', 'thousand', 'million'].join('|');
const englishNumber = new RegExp(`\\b(?:${anyWord})(?:(?:[\\s-]|\\sand\\s)(?:${anyWord}))*\\b`, 'g');

function englishValue(spelled: string): number {
  let total = 0;
  let group = 0;
  for (const word of spelled.split(/[\s-]+/)) {
    if (word === 'hundred') group = Math.max(1, group) * 100;
    else if (word === 'thousand' || word === 'million') {
      total += Math.max(1, group) * (word === 'thousand' ? 1e3 : 1e6);
      group = 0;
    } else if (tens.includes(word)) group += 10 * (tens.indexOf(word) + 2);
    else group += Math.max(0, ones.indexOf(word));
  }
  return total + group;
}

/** 십사, 十四: a digit times the unit behind it. */
function positional(spelled: string): number {
  let total = 0;
  let group = 0;
  let digit = 0;
  for (const character of spelled) {
    const value = Math.max('일이삼사오육칠팔구'.indexOf(character), '一二三四五六七八九'.indexOf(character)) + 1;
    const power = Math.max('십백천'.indexOf(character), '十百千'.indexOf(character)) + 1;
    if (value > 0) digit = value;
    else if (power > 0) {
      group += Math.max(1, digit) * 10 ** power;
      digit = 0;
    } else {
      total += Math.max(1, group + digit) * 10_000;
      group = 0;
      digit = 0;
    }
  }
  return total + group + digit;
}

const nativeTens = ['열', '스물', '서른', '마흔', '쉰', '예순', '일흔', '여든', '아흔'];
const nativeOnes: Readonly<Record<string, number>> = {
  하나: 1,
  한: 1,
  둘: 2,
  두: 2,
  셋: 3,
  세: 3,
  넷: 4,
  네: 4,
  다섯: 5,
  여섯: 6,
  일곱: 7,
  여덟: 8,
  아홉: 9,
};
const anyOne = Object.keys(nativeOnes).join('|');
const nativeNumber = new RegExp(`(${nativeTens.join('|')})(${anyOne})?|${anyOne}`, 'g');
