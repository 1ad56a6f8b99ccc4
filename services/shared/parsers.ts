/** Who reads pages: the parser of this service, or a provider's, as the environment offers and the tenant chooses. */
import type { ParserName } from './contract/people.ts';

export interface ParserSettings {
  readonly PARSER_BACKEND: string;
}

const remoteParsers = ['docling', 'unstructured'] as const;
export type RemoteParserName = (typeof remoteParsers)[number];

export const builtInParser = 'built-in';

/** The provider's parser that the environment has; null: none. @throws Error for what is none */
export function remoteParserOf({ PARSER_BACKEND: given }: ParserSettings): RemoteParserName | null {
  if (given === builtInParser) return null;
  const remote = remoteParsers.find((name) => name === given);
  if (remote) return remote;
  const allowed = [builtInParser, ...remoteParsers].map((name) => `'${name}'`).join(', ');
  throw new Error(`PARSER_BACKEND is '${given}', allowed are ${allowed}.`);
}

/** Names that a tenant may choose. */
export const offeredParsers = (settings: ParserSettings): ParserName[] => {
  const remote = remoteParserOf(settings);
  return [builtInParser, ...(remote ? [remote] : [])];
};

/**
 * Who reads a document. A provider is paid for PDFs alone: text has nothing to recognize. A choice that the environment
 * does not offer any more counts as none.
 */
export function parserOf(remote: RemoteParserName | null, tenantParser: string | null, mediaType: string): ParserName {
  if (mediaType !== 'application/pdf' || !remote) return builtInParser;
  return tenantParser === builtInParser ? builtInParser : remote;
}

/** Whether a parser gives the cells of tables. */
export const findsTables = (parser: ParserName): boolean => parser !== builtInParser;
