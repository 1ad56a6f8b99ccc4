import { describe, expect, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describeApi } from '../../../services/api/openapi.ts';
import { routes } from '../../../services/shared/contract/routes.ts';

const description = describeApi('https://bulkhead.example');

test('the description is valid OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(description));
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
});

describe('its schemas are JSON Schema 2020-12', () => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, validateFormats: false });
  // The document around them is OpenAPI's.
  ajv.addVocabulary(Object.keys(description));
  ajv.addSchema(structuredClone(description), 'openapi');
  const all = [...schemasIn(description)];

  test('every one compiles, so it holds to the meta-schema and its references resolve', () => {
    expect(all.length).toBeGreaterThan(100);
    for (const at of all) ajv.compile({ $ref: `openapi#${at}` });
  });

  test('what is none, as a tuple in items, is told', () => {
    expect(() => ajv.compile({ type: 'array', items: [{ type: 'string' }] })).toThrow(/schema is invalid/);
  });

  test('they refuse what the service refuses', () => {
    const problem = ajv.compile({ $ref: 'openapi#/components/schemas/Problem' });
    const given = { type: 'about:blank', title: 'No', status: 404, code: 'not-found', detail: 'x', instance: '/x' };
    expect([problem(given), problem.errors]).toEqual([true, null]);
    expect(problem({ ...given, status: '404' })).toBe(false);
  });
});

test('it holds every route of both owners, and every reference leads somewhere', () => {
  const operations = Object.values(
    description.paths as Record<string, Record<string, { operationId: string }>>,
  ).flatMap((path) => Object.values(path).map(({ operationId }) => operationId));
  expect(operations.sort()).toEqual(Object.keys(routes).sort());
  const schemas = Object.keys((description.components as { schemas: object }).schemas);
  for (const [, name] of JSON.stringify(description).matchAll(/"#\/components\/schemas\/(\w+)"/g))
    expect(schemas).toContain(name);
  expect(JSON.stringify(description)).not.toContain('#/$defs/');
});

test('limits of the validating schemas stand in it', () => {
  const brains = (description.paths as Record<string, Record<string, unknown>>)['/v1/brains'];
  expect(brains).toMatchObject({
    get: {
      parameters: expect.arrayContaining([expect.objectContaining({ name: 'limit', in: 'query', required: false })]),
    },
    post: {
      requestBody: {
        content: { 'application/json': { schema: { properties: { name: { maxLength: 120 } }, required: ['name'] } } },
      },
      responses: { 201: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Brain' } } } } },
    },
  });
});

/** JSON pointers of every schema: the named ones, and those that parameters, headers and bodies hold. */
function* schemasIn(node: unknown, at = ''): Generator<string> {
  if (typeof node !== 'object' || node === null) return;
  for (const [key, value] of Object.entries(node)) {
    const here = `${at}/${encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))}`;
    if (key === 'schema' || at === '/components/schemas') yield here;
    else yield* schemasIn(value, here);
  }
}
