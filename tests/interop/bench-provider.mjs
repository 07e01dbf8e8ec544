// npm oidc-provider as its documentation sets it up for confidential services: pushed requests, private_key_jwt, PKCE,
// Redis. Whoever comes is signed in and has agreed, by script: it has no provider behind it and shows no page.
//
// Environment: PORT, REDIS (a port), CLIENT_ID, REDIRECT_URI, CLIENT_JWK (the service's public key).
import { randomUUID } from 'node:crypto'
import Redis from 'ioredis'
import { Provider, interactionPolicy } from 'oidc-provider'

process.env.NODE_ENV = 'production'
const { PORT, REDIS, CLIENT_ID, REDIRECT_URI, CLIENT_JWK } = process.env
const client = new Redis({ port: Number(REDIS), host: '127.0.0.1', keyPrefix: 'peer:', enableAutoPipelining: true })
const consumed = new Set(['AuthorizationCode', 'RefreshToken', 'PushedAuthorizationRequest'])

class Adapter {
  constructor(model) {
    this.model = model
  }

  key(id) {
    return `${this.model}:${id}`
  }

  async upsert(id, payload, expiresIn) {
    const batch = client.pipeline()
    if (consumed.has(this.model)) {
      batch.hset(this.key(id), { payload: JSON.stringify(payload) })
      batch.expire(this.key(id), expiresIn)
    } else {
      batch.set(this.key(id), JSON.stringify(payload), 'EX', expiresIn)
    }
    if (payload.uid) batch.set(`uid:${payload.uid}`, id, 'EX', expiresIn)
    if (payload.grantId && this.model !== 'Session') {
      batch.rpush(`grant:${payload.grantId}`, this.key(id))
      batch.expire(`grant:${payload.grantId}`, expiresIn)
    }
    await batch.exec()
  }

  async find(id) {
    if (!consumed.has(this.model)) {
      const found = await client.get(this.key(id))
      return found === null ? undefined : JSON.parse(found)
    }
    const { payload, ...rest } = await client.hgetall(this.key(id))
    return payload === undefined ? undefined : { ...rest, ...JSON.parse(payload) }
  }

  async findByUid(uid) {
    const id = await client.get(`uid:${uid}`)
    return id === null ? undefined : this.find(id)
  }

  async consume(id) {
    await client.hset(this.key(id), 'consumed', Math.floor(Date.now() / 1000))
  }

  async destroy(id) {
    await client.del(this.key(id))
  }

  async revokeByGrantId(grantId) {
    const keys = await client.lrange(`grant:${grantId}`, 0, -1)
    await client.del(`grant:${grantId}`, ...keys)
  }
}

const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign'])
const { d, x, y } = await crypto.subtle.exportKey('jwk', privateKey)
const signing = { kty: 'EC', crv: 'P-256', d, x, y, kid: 'bench', alg: 'ES256', use: 'sig' }
const person = (sub) => ({ sub, name: 'Eleri Vaughan', given_name: 'Eleri', family_name: 'Vaughan', birthdate: '1980-04-01' })

const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  adapter: Adapter,
  jwks: { keys: [signing] },
  clients: [
    {
      client_id: CLIENT_ID,
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      id_token_signed_response_alg: 'ES256',
      response_types: ['code'],
      grant_types: ['authorization_code'],
      jwks: { keys: [JSON.parse(CLIENT_JWK)] },
    },
  ],
  clientAuthMethods: ['private_key_jwt'],
  claims: { openid: ['sub'], profile: ['name', 'given_name', 'family_name', 'birthdate'] },
  cookies: { keys: [randomUUID()] },
  features: { devInteractions: { enabled: false }, pushedAuthorizationRequests: { enabled: true } },
  interactions: { policy: interactionPolicy.base(), url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => person(id) }),
  pkce: { required: () => true },
  ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 300, Interaction: 600, Session: 600 },
})

// The whole interaction in one step: a new person signs in and agrees to what was asked.
provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next()
  const { params } = await provider.interactionDetails(ctx.req, ctx.res)
  const accountId = randomUUID()
  const grant = new provider.Grant({ accountId, clientId: params.client_id })
  grant.addOIDCScope(params.scope)
  const result = { login: { accountId, acr: 'bench' }, consent: { grantId: await grant.save() } }
  ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result))
  ctx.status = 303
})

provider.listen(Number(PORT), '127.0.0.1', () => console.log('ready'))
