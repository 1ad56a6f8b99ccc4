/** `GET /v1/openapi.json`: OpenAPI 3.1 of api and chat, made from the schemas that validate. */
import { z } from 'zod';
import { sessionCookieName } from '../shared/auth/auth.ts';
import { brain, document, existingDocument, mediaTypes } from '../shared/contract/brain.ts';
import { conversation, turn } from '../shared/contract/chat.ts';
import { idempotencyKey, openAiError, problem } from '../shared/contract/common.ts';
import { events } from '../shared/contract/events.ts';
import { job } from '../shared/contract/job.ts';
import { pageResult } from '../shared/contract/page.ts';
import { apiKey, me, member, tenant } from '../shared/contract/people.ts';
import { type Access, type Route, routes } from '../shared/contract/routes.ts';
import { serve } from '../shared/http/http.ts';
import type { Api } from './context.ts';

type Json = Record<string, unknown>;

export function serveOpenApi({ app, settings }: Api): void {
  const description = describeApi(settings.PUBLIC_URL);
  serve(app, routes.openapi, async ({ reply }) => {
    reply.header('cache-control', 'public, max-age=300');
    return description;
  });
}

/** Schemas with a name of their own, in `components.schemas`. */
const named = {
  problem,
  openAiError,
  brain,
  document,
  existingDocument,
  job,
  pageResult,
  conversation,
  turn,
  apiKey,
  me,
  member,
  tenant,
};

export function describeApi(publicUrl: string, table: Readonly<Record<string, Route>> = routes): Json {
  const registry = z.registry<{ id: string }>();
  for (const [name, schema] of Object.entries(named)) registry.add(schema, { id: pascal(name) });
  const toSchema = (schema: z.ZodType, io: 'input' | 'output'): Json => {
    const name = io === 'output' ? registry.get(schema)?.id : undefined;
    if (name) return { $ref: `#/components/schemas/${name}` };
    return inline(z.toJSONSchema(schema, { io, metadata: registry, unrepresentable: 'any' }) as Json);
  };
  const { schemas } = z.toJSONSchema(registry, { io: 'output', uri: (id) => `#/components/schemas/${id}` });

  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries(table)) {
    paths[route.path] ??= {};
    (paths[route.path] as Json)[route.method.toLowerCase()] = operation(name, route, toSchema);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Bulkhead',
      version: '1',
      description:
        'Upload documents into brains, ask, and get answers with citations. Errors are problem details (RFC 9457) with a stable `code`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: new URL(publicUrl).origin }],
    security: [{ session: [] }, { key: [] }],
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, withoutIds(schema as Json)])),
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: sessionCookieName(publicUrl) },
        key: { type: 'http', scheme: 'bearer', description: 'An API key, `bk_...`' },
      },
    },
  };
}

type ToSchema = (schema: z.ZodType, io: 'input' | 'output') => Json;

function operation(name: string, route: Route, toSchema: ToSchema): Json {
  const parameters = [
    ...fields(route.params, 'path', toSchema),
    ...fields(route.query, 'query', toSchema),
    ...(name === 'uploadDocument' || name === 'createTurn'
      ? [header('Idempotency-Key', 'Repeating with the same key starts nothing twice.', idempotencyKey, toSchema)]
      : []),
    ...(name === 'events'
      ? [header('Last-Event-ID', 'Events after this one are sent again.', z.string(), toSchema)]
      : []),
  ];
  return {
    operationId: name,
    summary: route.summary,
    description: whoMay(route.access),
    tags: [route.owner],
    ...(route.access === 'public' && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && { requestBody: { required: true, content: json(toSchema(route.body, 'input')) } }),
    ...(route.format === 'multipart' && { requestBody: { required: true, content: multipart } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.responses).map(([status, schema]) => [
          status,
          response(name, Number(status), route, schema, toSchema),
        ]),
      ),
      default: {
        description: 'Refused or failed',
        content:
          route.errors === 'openai'
            ? json({ $ref: '#/components/schemas/OpenAiError' })
            : { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

function response(name: string, status: number, route: Route, schema: z.ZodType, toSchema: ToSchema): Json {
  const description = route.summary;
  if (status === 304) return { description: 'Not modified' };
  if (route.format === 'bytes')
    return { description, content: Object.fromEntries(mediaTypes.map((type) => [type, {}])) };
  if (name === 'mcp') return { description, ...(status === 200 && { content: json(toSchema(schema, 'output')) }) };
  if (route.format === 'stream')
    return {
      description: `${description}. ${streamWords}`,
      content: { 'text/event-stream': { schema: { type: 'string' } } },
    };
  const streamed = name === 'completions' && { 'text/event-stream': { schema: { type: 'string' } } };
  const table = name === 'getUsage' && { 'text/csv': { schema: { type: 'string' } } };
  return { description, content: { ...json(toSchema(schema, 'output')), ...streamed, ...table } };
}

const streamWords = `Server-sent events; those of /v1/events are: ${Object.keys(events).join(', ')}.`;
const json = (schema: Json) => ({ 'application/json': { schema } });
const multipart = {
  'multipart/form-data': {
    schema: {
      type: 'object',
      properties: { file: { type: 'string', contentMediaType: 'application/octet-stream' } },
      required: ['file'],
    },
  },
};
const header = (name: string, description: string, schema: z.ZodType, toSchema: ToSchema) => ({
  name,
  in: 'header',
  description,
  schema: toSchema(schema, 'input'),
});

function fields(object: z.ZodObject | undefined, where: 'path' | 'query', toSchema: ToSchema): Json[] {
  return Object.entries(object?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: where,
    required: where === 'path',
    schema: toSchema(schema as z.ZodType, where === 'path' ? 'output' : 'input'),
  }));
}

function whoMay(access: Access): string {
  if (access === 'public') return 'For everybody.';
  if (access === 'operator') return 'For the owner of the installation.';
  const made = access.role === 'owner' ? ' that an owner made' : '';
  return `For people from role ${access.role} on, and keys with the scope ${access.scope}${made}.`;
}

/** `$defs` of the registry are components here. */
function inline(schema: Json): Json {
  return withoutIds(JSON.parse(JSON.stringify(schema).replaceAll('#/$defs/', '#/components/schemas/')));
}

function withoutIds({ $schema: _schema, $defs: _defs, $id: _id, id: _name, ...schema }: Json): Json {
  return schema;
}

const pascal = (name: string) => (name[0] as string).toUpperCase() + name.slice(1);
