import { expect, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describeApi } from '../../../services/api/openapi.ts';
import { routes } from '../../../services/shared/contract/routes.ts';

const description = describeApi('https://bulkhead.example');

test('the description is valid OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(description));
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
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
