/** Tenants, people, roles, API keys and quotas. */
import { z } from 'zod';
import { id, text, timestamp } from './common.ts';

/** From most to least: each may do what those after it may. */
export const roles = ['owner', 'admin', 'member', 'viewer'] as const;
export type Role = (typeof roles)[number];

/** What an API key may do. A person's role decides instead of scopes. */
export const scopes = ['documents:read', 'documents:write', 'chat', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** Hard limits of one tenant; null: no limit of its own. Reached means `429`, never a bill. */
export const quotas = z.object({
  documents_max: z.int().min(0).nullable(),
  bytes_max: z.int().min(0).nullable(),
  pages_per_day_max: z.int().min(0).nullable(),
  questions_per_day_max: z.int().min(0).nullable(),
  /** Of models and embeddings. */
  tokens_per_day_max: z.int().min(0).nullable(),
  /** Of what has a known price. */
  usd_per_day_max: z.number().min(0).max(10_000_000).nullable(),
});
export type Quotas = z.output<typeof quotas>;

/**
 * Names of models that the tenant's brains may be answered by, of those that the installation lists; null: all of them.
 * `extractive` is always allowed; alone it means that no model is asked.
 */
export const tenantModels = z.array(text.trim().min(1).max(120)).min(1).max(22).nullable();

/** Documents of more pages are read when a person has confirmed it; null: none waits for that. */
export const confirmPagesAbove = z.int().min(1).max(1_000_000).nullable();

/**
 * Documents that cost more US dollars, by their estimated price, are read when a person has confirmed it, and so are those
 * whose price is not known; null: none waits for that.
 */
export const confirmUsdAbove = z.number().min(0).max(1_000_000).nullable();

/** Who reads the tenant's PDFs, of the parsers that the installation offers; null: the installation's own choice. */
export const parserNames = ['built-in', 'docling', 'unstructured'] as const;
export type ParserName = (typeof parserNames)[number];
export const tenantParser = z.enum(parserNames).nullable();

export const usage = z.object({
  documents: z.int(),
  bytes: z.int(),
  pages_today: z.int(),
  questions_today: z.int(),
  tokens_today: z.int(),
  usd_today: z.number(),
});

export const tenant = z.object({
  id,
  object: z.literal('tenant'),
  name: z.string(),
  suspended_at: timestamp.nullable(),
  quotas,
  models_allowed: tenantModels,
  confirm_pages_above: confirmPagesAbove,
  confirm_usd_above: confirmUsdAbove,
  parser: tenantParser,
  usage,
  created_at: timestamp,
});
export type Tenant = z.output<typeof tenant>;
export const tenantInput = z.strictObject({
  name: text.trim().min(1).max(120),
  quotas: quotas.partial().optional(),
  models_allowed: tenantModels.optional(),
  confirm_pages_above: confirmPagesAbove.optional(),
  confirm_usd_above: confirmUsdAbove.optional(),
  parser: tenantParser.optional(),
});
export const tenantPatch = z.strictObject({
  name: text.trim().min(1).max(120).optional(),
  suspended: z.boolean().optional(),
  quotas: quotas.partial().optional(),
  models_allowed: tenantModels.optional(),
  confirm_pages_above: confirmPagesAbove.optional(),
  confirm_usd_above: confirmUsdAbove.optional(),
  parser: tenantParser.optional(),
});

export const member = z.object({
  id,
  person_id: id,
  name: z.string(),
  email: z.string(),
  role: z.enum(roles),
  created_at: timestamp,
  /** Null: invited, but the person has not come yet. */
  accepted_at: timestamp.nullable(),
});
export type Member = z.output<typeof member>;
/** A person is invited by a link, or signs in through the company's OIDC under this address. */
export const memberInput = z.strictObject({
  email: z.email().max(254),
  name: text.trim().min(1).max(120),
  role: z.enum(roles),
});
export const memberPatch = z.strictObject({ role: z.enum(roles) });
/**
 * The member, and what became of the one-time link with which the person accepts. `mailed`: it went to the address.
 * `shown`: no mail is set up; `sign_in_token` makes the link, to be handed over. Until the person comes, who has it can
 * come in their place, in this tenant alone. `mail-failed`: nothing was sent; invite again. `withheld`: no mail is set
 * up, and keys see no link.
 */
export const invitedMember = member.extend({
  invitation: z.enum(['mailed', 'shown', 'mail-failed', 'withheld']),
  sign_in_token: z.string().nullable(),
});
export type InvitedMember = z.output<typeof invitedMember>;

/** Whose a one-time link is, for the person who is about to use it. */
export const linkOwner = z.object({
  name: z.string(),
  email: z.string(),
  /** The tenant that it lets into; null: the link of the installation's owner. */
  tenant: z.object({ name: z.string() }).nullable(),
  expires_at: timestamp,
});
export type LinkOwner = z.output<typeof linkOwner>;

/** Of a key, beside those of its tenant; null: none. A key that is renewed begins its day anew. */
export const keyQuotas = quotas.omit({ documents_max: true, bytes_max: true });

export const apiKey = z.object({
  id,
  object: z.literal('api_key'),
  name: z.string(),
  /** First characters, to tell keys apart. */
  prefix: z.string(),
  scopes: z.array(z.enum(scopes)),
  quotas: keyQuotas,
  created_at: timestamp,
  expires_at: timestamp.nullable(),
  last_used_at: timestamp.nullable(),
  revoked_at: timestamp.nullable(),
});
export type ApiKey = z.output<typeof apiKey>;
export const apiKeyInput = z.strictObject({
  name: text.trim().min(1).max(120),
  scopes: z.array(z.enum(scopes)).min(1),
  expires_at: timestamp.nullable().default(null),
  quotas: keyQuotas.partial().default({}),
});
/** The only answer that ever holds the secret. */
export const newApiKey = apiKey.extend({ secret: z.string() });

/** Who is asking. */
export const me = z.object({
  person: z.object({ id, name: z.string(), email: z.string(), has_password: z.boolean() }).nullable(),
  /** Set when an API key asks. */
  key: apiKey.nullable(),
  tenant: z.object({ id, name: z.string() }),
  role: z.enum(roles),
  /** True: may make, suspend and limit tenants of this installation. */
  operator: z.boolean(),
  tenants: z.array(z.object({ id, name: z.string(), role: z.enum(roles) })),
  /** Model that texts are embedded with; null: none is configured, documents are searched by their words only. */
  embedding_model: z.string().nullable(),
  /** Who may read PDFs here: what a tenant's `parser` may be. */
  parsers: z.array(z.enum(parserNames)),
  limits: z.object({ upload_bytes_max: z.int(), pages_max: z.int(), question_characters_max: z.int() }),
  sign_in: z.object({ password: z.boolean(), oidc: z.boolean() }),
  /** Whether this installation sends webhooks. */
  webhooks: z.boolean(),
});
export type Me = z.output<typeof me>;
