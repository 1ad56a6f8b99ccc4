/** How each provider is asked. docs/parsers.md shows a request and an answer of each. */
import type { RemoteParserName } from '../../../shared/parsers.ts';

export interface RemoteParserOptions {
  readonly name: RemoteParserName;
  readonly url: string;
  /** Empty: none is sent. */
  readonly apiKey: string;
  readonly timeoutMs: number;
  readonly answerBytesMax: number;
}

export interface RemoteCall {
  readonly pdf: Uint8Array;
  /** The same for the same pages of an attempt: a provider that knows such keys does the work once. */
  readonly idempotencyKey: string;
  readonly images: boolean;
  readonly tables: boolean;
}

export const pathOf: Readonly<Record<RemoteParserName, string>> = {
  docling: '/v1/convert/file',
  unstructured: '/general/v0/general',
};

const keyHeader: Readonly<Record<RemoteParserName, string>> = {
  docling: 'x-api-key',
  unstructured: 'unstructured-api-key',
};

export const headersOf = ({ name, apiKey }: RemoteParserOptions, { idempotencyKey }: RemoteCall) => ({
  accept: 'application/json',
  'idempotency-key': idempotencyKey,
  ...(apiKey && { [keyHeader[name]]: apiKey }),
});

const fields: Readonly<Record<RemoteParserName, (call: RemoteCall) => [name: string, value: string][]>> = {
  docling: ({ images, tables }) => [
    ['from_formats', 'pdf'],
    ['to_formats', 'json'],
    ['target_type', 'inbody'],
    ['abort_on_error', 'false'],
    ['do_table_structure', String(tables)],
    ['include_images', String(images)],
    ['image_export_mode', images ? 'embedded' : 'placeholder'],
    // Pixels per point: twice of it, its default, has four times the bytes.
    ['images_scale', '1'],
  ],
  unstructured: ({ images, tables }) => [
    ['output_format', 'application/json'],
    ['coordinates', 'true'],
    // `auto` takes the dear `hi_res` for pages that need it, and when pictures are wanted; cells come from `hi_res` alone.
    ['strategy', tables ? 'hi_res' : 'auto'],
    ['pdf_infer_table_structure', String(tables)],
    ...(tables ? [['skip_infer_table_types', '[]'] as [string, string]] : []),
    ...(images ? [['extract_image_block_types', '["Image"]'] as [string, string]] : []),
  ],
};

/** The file's name is ours: a document's own says something of its owner. */
export function formOf(name: RemoteParserName, call: RemoteCall): FormData {
  const form = new FormData();
  for (const [field, value] of fields[name](call)) form.append(field, value);
  form.append('files', new Blob([call.pdf as Uint8Array<ArrayBuffer>], { type: 'application/pdf' }), 'pages.pdf');
  return form;
}
