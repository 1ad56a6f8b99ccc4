/** Attributes of one resource, as in `cdk.tf.json`. */
export type Attributes = Readonly<Record<string, unknown>>;

/** A fault's text, or undefined. */
export type Rule = (type: string, attributes: Attributes) => string | undefined;
