/** Where images keep the certificate authorities of RDS, in their `/app`. */
export const rdsAuthoritiesFile = 'rds-ca.pem';
export const rdsAuthoritiesPath = `/app/${rdsAuthoritiesFile}`;
