/** Who may take an environment's role for plans: CI of the same account, or of one that signs in by OpenID Connect. */
import { z } from 'zod';

export const planRoleSchema = z
  .strictObject({
    /** Roles and users that may take it. @default [] */
    principalArns: z
      .array(
        z
          .string()
          .regex(
            /^arn:aws:iam::\d{12}:(role|user)\/[^*]+$/,
            "must be the ARN of one role or user, as in 'arn:aws:iam::123456789012:role/ci'",
          ),
      )
      .default([]),
    /** CI without keys of AWS. @default none */
    oidc: z
      .strictObject({
        /** The provider in IAM. */
        providerArn: z
          .string()
          .regex(
            /^arn:aws:iam::\d{12}:oidc-provider\/[^*]+$/,
            "must be the ARN of a provider, as in 'arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com'",
          ),
        /** Of its tokens, `*` for any text. @example 'repo:owner/name:*' */
        subject: z
          .string()
          .regex(
            /^[^*?]{3,}/,
            "must begin with who it is, as in 'repo:owner/name:*': anybody has a token of a public CI",
          ),
      })
      .optional(),
  })
  .refine(({ principalArns, oidc }) => principalArns.length > 0 || oidc, 'must name somebody: principalArns or oidc');

export type PlanTrust = z.output<typeof planRoleSchema>;
