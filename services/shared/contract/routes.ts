/**
 * The route table: every public route, who owns it, who may call it, and the schemas that validate, type and document
 * it. Services register from it, OpenAPI is generated from it, the web page takes its types from it.
 */
import { z } from 'zod';
import { brain, brainInput, brainPatch, document, existingDocument } from './brain.ts';
import { conversation, conversationInput, model, turn, turnInput } from './chat.ts';
import { deleted, id, list, pageQuery } from './common.ts';
import { job, jobStatus } from './job.ts';
import { pageResult } from './page.ts';
import {
  apiKey,
  apiKeyInput,
  invitedMember,
  me,
  member,
  memberInput,
  memberPatch,
  newApiKey,
  type Role,
  type Scope,
  tenant,
  tenantInput,
  tenantPatch,
} from './people.ts';

/** Who may call: a person of at least this role in the tenant, or a key with this scope. */
export type Access = 'public' | 'operator' | { readonly role: Role; readonly scope: Scope };

export interface Route {
  readonly owner: 'api' | 'chat';
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** OpenAPI form: `/v1/jobs/{job}:cancel`. */
  readonly path: string;
  readonly summary: string;
  readonly access: Access;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** `multipart`: field `file`; `stream`: an SSE answer; `bytes`: a file. Absent: JSON both ways. */
  readonly format?: 'multipart' | 'stream' | 'bytes';
  readonly responses: Readonly<Record<number, z.ZodType>>;
}

const read: Access = { role: 'viewer', scope: 'documents:read' };
const write: Access = { role: 'member', scope: 'documents:write' };
const look: Access = { role: 'viewer', scope: 'chat' };
const ask: Access = { role: 'member', scope: 'chat' };
const administer: Access = { role: 'admin', scope: 'admin' };

const params = <Name extends string>(...names: Name[]) =>
  z.object(Object.fromEntries(names.map((name) => [name, id])) as Record<Name, typeof id>);
const none = z.undefined();

export const routes = {
  // Sign-in and identity. better-auth answers the rest of /v1/auth/*: sign-in, sign-out, OIDC, password change.
  redeemLink: {
    owner: 'api',
    method: 'POST',
    path: '/v1/auth/link:redeem',
    summary: 'Sign in with a one-time link',
    access: 'public',
    body: z.strictObject({ token: z.string().min(20).max(200) }),
    responses: { 200: me },
  },
  setPassword: {
    owner: 'api',
    method: 'POST',
    path: '/v1/auth/password:set',
    summary: 'Set a first password, or change it',
    access: { role: 'viewer', scope: 'admin' },
    body: z.strictObject({
      email: z.email().max(254).optional(),
      name: z.string().trim().min(1).max(120).optional(),
      current_password: z.string().max(200).optional(),
      new_password: z.string().min(10).max(200),
    }),
    responses: { 200: me },
  },
  switchTenant: {
    owner: 'api',
    method: 'POST',
    path: '/v1/auth/tenant:switch',
    summary: 'Work in another of your tenants',
    access: { role: 'viewer', scope: 'admin' },
    body: z.strictObject({ tenant_id: id }),
    responses: { 200: me },
  },
  signInMethods: {
    owner: 'api',
    method: 'GET',
    path: '/v1/auth/methods',
    summary: 'Ways to sign in',
    access: 'public',
    responses: { 200: z.object({ password: z.boolean(), oidc: z.boolean() }) },
  },
  me: {
    owner: 'api',
    method: 'GET',
    path: '/v1/me',
    summary: 'Who is asking',
    access: { role: 'viewer', scope: 'documents:read' },
    responses: { 200: me },
  },

  // Tenants, members, keys.
  createTenant: {
    owner: 'api',
    method: 'POST',
    path: '/v1/tenants',
    summary: 'Create a tenant',
    access: 'operator',
    body: tenantInput,
    responses: { 201: tenant },
  },
  listTenants: {
    owner: 'api',
    method: 'GET',
    path: '/v1/tenants',
    summary: 'List tenants with usage',
    access: 'operator',
    query: pageQuery,
    responses: { 200: list(tenant) },
  },
  patchTenant: {
    owner: 'api',
    method: 'PATCH',
    path: '/v1/tenants/{tenant}',
    summary: 'Rename, suspend, resume, set quotas',
    access: 'operator',
    params: params('tenant'),
    body: tenantPatch,
    responses: { 200: tenant },
  },
  getTenant: {
    owner: 'api',
    method: 'GET',
    path: '/v1/tenant',
    summary: 'Your tenant, its quotas and usage',
    access: { role: 'viewer', scope: 'admin' },
    responses: { 200: tenant },
  },
  listMembers: {
    owner: 'api',
    method: 'GET',
    path: '/v1/members',
    summary: 'List members',
    access: { role: 'viewer', scope: 'admin' },
    query: pageQuery,
    responses: { 200: list(member) },
  },
  addMember: {
    owner: 'api',
    method: 'POST',
    path: '/v1/members',
    summary: 'Add a person',
    access: administer,
    body: memberInput,
    responses: { 201: invitedMember },
  },
  patchMember: {
    owner: 'api',
    method: 'PATCH',
    path: '/v1/members/{member}',
    summary: 'Change a role',
    access: administer,
    params: params('member'),
    body: memberPatch,
    responses: { 200: member },
  },
  removeMember: {
    owner: 'api',
    method: 'DELETE',
    path: '/v1/members/{member}',
    summary: 'Remove a person from the tenant',
    access: administer,
    params: params('member'),
    responses: { 200: deleted },
  },
  createKey: {
    owner: 'api',
    method: 'POST',
    path: '/v1/keys',
    summary: 'Create an API key',
    access: administer,
    body: apiKeyInput,
    responses: { 201: newApiKey },
  },
  listKeys: {
    owner: 'api',
    method: 'GET',
    path: '/v1/keys',
    summary: 'List API keys',
    access: administer,
    query: pageQuery,
    responses: { 200: list(apiKey) },
  },
  rotateKey: {
    owner: 'api',
    method: 'POST',
    path: '/v1/keys/{key}:rotate',
    summary: 'Issue a successor; the old key works for 24 hours',
    access: administer,
    params: params('key'),
    responses: { 201: newApiKey },
  },
  revokeKey: {
    owner: 'api',
    method: 'DELETE',
    path: '/v1/keys/{key}',
    summary: 'Revoke at once',
    access: administer,
    params: params('key'),
    responses: { 200: apiKey },
  },

  // Brains and documents.
  createBrain: {
    owner: 'api',
    method: 'POST',
    path: '/v1/brains',
    summary: 'Create a brain',
    access: write,
    body: brainInput,
    responses: { 201: brain },
  },
  listBrains: {
    owner: 'api',
    method: 'GET',
    path: '/v1/brains',
    summary: 'List brains',
    access: read,
    query: pageQuery,
    responses: { 200: list(brain) },
  },
  getBrain: {
    owner: 'api',
    method: 'GET',
    path: '/v1/brains/{brain}',
    summary: 'Get a brain',
    access: read,
    params: params('brain'),
    responses: { 200: brain },
  },
  patchBrain: {
    owner: 'api',
    method: 'PATCH',
    path: '/v1/brains/{brain}',
    summary: 'Rename, describe, choose the model',
    access: write,
    params: params('brain'),
    body: brainPatch,
    responses: { 200: brain },
  },
  deleteBrain: {
    owner: 'api',
    method: 'DELETE',
    path: '/v1/brains/{brain}',
    summary: 'Delete a brain with its documents, vectors and conversations',
    access: administer,
    params: params('brain'),
    responses: { 202: job },
  },
  uploadDocument: {
    owner: 'api',
    method: 'POST',
    path: '/v1/brains/{brain}/documents',
    summary: 'Upload a document; the work runs afterwards',
    access: write,
    params: params('brain'),
    format: 'multipart',
    responses: { 202: job, 200: existingDocument },
  },
  listDocuments: {
    owner: 'api',
    method: 'GET',
    path: '/v1/brains/{brain}/documents',
    summary: 'List documents, newest first',
    access: read,
    params: params('brain'),
    query: pageQuery,
    responses: { 200: list(document) },
  },
  getDocument: {
    owner: 'api',
    method: 'GET',
    path: '/v1/documents/{document}',
    summary: 'Get a document',
    access: read,
    params: params('document'),
    responses: { 200: document },
  },
  deleteDocument: {
    owner: 'api',
    method: 'DELETE',
    path: '/v1/documents/{document}',
    summary: 'Delete a document with its file, pages and vectors',
    access: write,
    params: params('document'),
    responses: { 202: job },
  },
  getPage: {
    owner: 'api',
    method: 'GET',
    path: '/v1/documents/{document}/pages/{page}',
    summary: 'Text and line boxes of one page',
    access: read,
    params: z.object({ document: id, page: z.coerce.number().int().min(1) }),
    responses: { 200: pageResult },
  },
  getFile: {
    owner: 'api',
    method: 'GET',
    path: '/v1/documents/{document}/file',
    summary: 'The original, as an attachment; Range and ETag',
    access: read,
    params: params('document'),
    format: 'bytes',
    responses: { 200: none, 206: none, 304: none },
  },

  // Jobs.
  listJobs: {
    owner: 'api',
    method: 'GET',
    path: '/v1/jobs',
    summary: 'List jobs, newest first',
    access: read,
    query: pageQuery.extend({ status: jobStatus.optional() }),
    responses: { 200: list(job) },
  },
  getJob: {
    owner: 'api',
    method: 'GET',
    path: '/v1/jobs/{job}',
    summary: 'Get a job; wait up to 30 s for it to end',
    access: read,
    params: params('job'),
    query: z.object({ wait: z.coerce.number().int().min(0).max(30).default(0) }),
    responses: { 200: job },
  },
  getJobPages: {
    owner: 'api',
    method: 'GET',
    path: '/v1/jobs/{job}/pages',
    summary: 'Page results',
    access: read,
    params: params('job'),
    query: pageQuery.extend({ status: z.enum(['ok', 'failed']).optional() }),
    responses: { 200: list(pageResult) },
  },
  retryPages: {
    owner: 'api',
    method: 'POST',
    path: '/v1/jobs/{job}/pages:retry',
    summary: 'Read failed pages again; all of them without a list',
    access: write,
    params: params('job'),
    body: z.strictObject({ pages: z.array(z.int().min(1)).min(1).max(5000).optional() }),
    responses: { 202: job },
  },
  confirmJob: {
    owner: 'api',
    method: 'POST',
    path: '/v1/jobs/{job}:confirm',
    summary: 'Start a job that awaits confirmation',
    access: write,
    params: params('job'),
    responses: { 202: job },
  },
  cancelJob: {
    owner: 'api',
    method: 'POST',
    path: '/v1/jobs/{job}:cancel',
    summary: 'Stop a job; repeating is harmless',
    access: write,
    params: params('job'),
    responses: { 202: job },
  },

  events: {
    owner: 'api',
    method: 'GET',
    path: '/v1/events',
    summary: 'Everything you may see, as it changes',
    access: read,
    format: 'stream',
    responses: { 200: none },
  },
  openapi: {
    owner: 'api',
    method: 'GET',
    path: '/v1/openapi.json',
    summary: 'This description',
    access: 'public',
    responses: { 200: z.looseObject({}) },
  },

  // Chat.
  listModels: {
    owner: 'chat',
    method: 'GET',
    path: '/v1/models',
    summary: 'Models that can answer',
    access: look,
    responses: { 200: z.object({ object: z.literal('list'), data: z.array(model) }) },
  },
  createConversation: {
    owner: 'chat',
    method: 'POST',
    path: '/v1/chat/conversations',
    summary: 'Start a conversation',
    access: ask,
    body: conversationInput,
    responses: { 201: conversation },
  },
  listConversations: {
    owner: 'chat',
    method: 'GET',
    path: '/v1/chat/conversations',
    summary: 'List conversations of a brain, newest first',
    access: look,
    query: pageQuery.extend({ brain_id: id }),
    responses: { 200: list(conversation) },
  },
  getConversation: {
    owner: 'chat',
    method: 'GET',
    path: '/v1/chat/conversations/{conversation}',
    summary: 'Get a conversation',
    access: look,
    params: params('conversation'),
    responses: { 200: conversation },
  },
  deleteConversation: {
    owner: 'chat',
    method: 'DELETE',
    path: '/v1/chat/conversations/{conversation}',
    summary: 'Delete a conversation with its turns',
    access: ask,
    params: params('conversation'),
    responses: { 200: deleted },
  },
  listTurns: {
    owner: 'chat',
    method: 'GET',
    path: '/v1/chat/conversations/{conversation}/turns',
    summary: 'List turns, newest first',
    access: look,
    params: params('conversation'),
    query: pageQuery,
    responses: { 200: list(turn) },
  },
  createTurn: {
    owner: 'chat',
    method: 'POST',
    path: '/v1/chat/conversations/{conversation}/turns',
    summary: 'Ask; the answer streams',
    access: ask,
    params: params('conversation'),
    body: turnInput,
    format: 'stream',
    responses: { 200: none },
  },
  getTurn: {
    owner: 'chat',
    method: 'GET',
    path: '/v1/chat/turns/{turn}',
    summary: 'Get a turn',
    access: look,
    params: params('turn'),
    responses: { 200: turn },
  },
  turnEvents: {
    owner: 'chat',
    method: 'GET',
    path: '/v1/chat/turns/{turn}/events',
    summary: 'Resume the stream of a turn after Last-Event-ID',
    access: look,
    params: params('turn'),
    format: 'stream',
    responses: { 200: none },
  },
  stopTurn: {
    owner: 'chat',
    method: 'POST',
    path: '/v1/chat/turns/{turn}:stop',
    summary: 'Stop an answer; what arrived is kept',
    access: ask,
    params: params('turn'),
    responses: { 202: turn },
  },
  completions: {
    owner: 'chat',
    method: 'POST',
    path: '/v1/chat/completions',
    summary: "OpenAI's chat completions; model is 'brain:{id}'",
    access: ask,
    body: z.looseObject({
      model: z.string(),
      messages: z.array(z.looseObject({ role: z.string(), content: z.unknown() })).min(1),
      stream: z.boolean().optional(),
    }),
    responses: { 200: z.looseObject({}) },
  },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;
