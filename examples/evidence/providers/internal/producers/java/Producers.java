import com.auth0.jwt.JWT;
import com.auth0.jwt.algorithms.Algorithm;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.Ed25519Signer;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.OctetKeyPairGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import io.jsonwebtoken.Jwts;
import io.jsonwebtoken.security.Jwks;
import io.jsonwebtoken.security.Keys;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PublicKey;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPrivateKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * Tokens and keys made with nimbus-jose-jwt, java-jwt and jjwt, as their documentation shows. Arguments: issuer and audience. One line of JSON
 * comes out.
 */
public class Producers {
  static String issuer;
  static String audience;
  static final List<Map<String, Object>> made = new ArrayList<>();
  static final ObjectMapper json = new ObjectMapper();

  /** What a token says. An ID token is marked by its nonce. */
  record Wish(String audience, int lifetime, String scope, String nonce) {}

  interface Maker {
    String make(Wish wish) throws Exception;
  }

  static void add(String library, String algorithm, String form, Object key, Maker maker) throws Exception {
    Map<String, String> tokens = new LinkedHashMap<>();
    tokens.put("good", maker.make(new Wish(audience, 300, "read", null)));
    tokens.put("expired", maker.make(new Wish(audience, -300, "read", null)));
    tokens.put("other", maker.make(new Wish("https://other.example.com", 300, "read", null)));
    tokens.put("id", maker.make(new Wish(audience, 300, "openid", "n-0S6_WzA2Mj")));
    made.add(Map.of("library", library, "algorithm", algorithm, form, key, "tokens", tokens));
  }

  static Date in(int seconds) {
    return Date.from(Instant.now().plusSeconds(seconds));
  }

  static String pem(PublicKey key) {
    return "-----BEGIN PUBLIC KEY-----\n" + Base64.getMimeEncoder().encodeToString(key.getEncoded()) + "\n-----END PUBLIC KEY-----\n";
  }

  static Object parsed(String text) throws Exception {
    return json.readValue(text, Object.class);
  }

  static KeyPair ec() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    return generator.generateKeyPair();
  }

  static KeyPair rsa() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    return generator.generateKeyPair();
  }

  static void nimbus(JWSAlgorithm algorithm, JWSSigner signer, String form, Object key) throws Exception {
    add("nimbus-jose-jwt", algorithm.getName(), form, key, wish -> {
      JWTClaimsSet.Builder claims = new JWTClaimsSet.Builder()
          .issuer(issuer).subject("alice").audience(wish.audience()).issueTime(new Date()).expirationTime(in(wish.lifetime()))
          .jwtID(UUID.randomUUID().toString()).claim("scope", wish.scope()).claim("nonce", wish.nonce());
      SignedJWT token = new SignedJWT(new JWSHeader(algorithm), claims.build());
      token.sign(signer);
      return token.serialize();
    });
  }

  static Object published(JWK key) throws Exception {
    return parsed(key.toPublicJWK().toJSONString());
  }

  static void javaJWT(Algorithm algorithm, String form, Object key) throws Exception {
    add("java-jwt", algorithm.getName(), form, key, wish -> {
      var token = JWT.create()
          .withIssuer(issuer).withSubject("alice").withAudience(wish.audience()).withIssuedAt(new Date()).withExpiresAt(in(wish.lifetime()))
          .withJWTId(UUID.randomUUID().toString()).withClaim("scope", wish.scope());
      return (wish.nonce() == null ? token : token.withClaim("nonce", wish.nonce())).sign(algorithm);
    });
  }

  interface Signature {
    io.jsonwebtoken.JwtBuilder sign(io.jsonwebtoken.JwtBuilder token);
  }

  static void jjwt(String algorithm, String form, Object key, Signature signature) throws Exception {
    add("jjwt", algorithm, form, key, wish -> {
      var token = Jwts.builder()
          .issuer(issuer).subject("alice").audience().add(wish.audience()).and().issuedAt(new Date()).expiration(in(wish.lifetime()))
          .id(UUID.randomUUID().toString()).claim("scope", wish.scope());
      return signature.sign(wish.nonce() == null ? token : token.claim("nonce", wish.nonce())).compact();
    });
  }

  static Object published(PublicKey key) throws Exception {
    return parsed(json.writeValueAsString(new LinkedHashMap<>(Jwks.builder().key(key).build())));
  }

  public static void main(String[] args) throws Exception {
    issuer = args[0];
    audience = args[1];
    String secret = UUID.randomUUID().toString() + UUID.randomUUID();
    byte[] bytes = secret.getBytes(StandardCharsets.UTF_8);

    var rsaKey = new RSAKeyGenerator(2048).generate();
    nimbus(JWSAlgorithm.RS256, new RSASSASigner(rsaKey), "jwk", published(rsaKey));
    var pssKey = new RSAKeyGenerator(2048).generate();
    nimbus(JWSAlgorithm.PS256, new RSASSASigner(pssKey), "jwk", published(pssKey));
    var ecKey = new ECKeyGenerator(Curve.P_256).generate();
    nimbus(JWSAlgorithm.ES256, new ECDSASigner(ecKey), "jwk", published(ecKey));
    var edKey = new OctetKeyPairGenerator(Curve.Ed25519).generate();
    nimbus(JWSAlgorithm.EdDSA, new Ed25519Signer(edKey), "jwk", published(edKey));
    nimbus(JWSAlgorithm.HS256, new MACSigner(bytes), "secret", secret);

    KeyPair rsa = rsa();
    javaJWT(Algorithm.RSA256((RSAPublicKey) rsa.getPublic(), (RSAPrivateKey) rsa.getPrivate()), "pem", pem(rsa.getPublic()));
    KeyPair ec = ec();
    javaJWT(Algorithm.ECDSA256((ECPublicKey) ec.getPublic(), (ECPrivateKey) ec.getPrivate()), "pem", pem(ec.getPublic()));
    javaJWT(Algorithm.HMAC256(bytes), "secret", secret);

    KeyPair rs = Jwts.SIG.RS256.keyPair().build();
    jjwt("RS256", "jwk", published(rs.getPublic()), token -> token.signWith(rs.getPrivate(), Jwts.SIG.RS256));
    KeyPair ps = Jwts.SIG.PS256.keyPair().build();
    jjwt("PS256", "jwk", published(ps.getPublic()), token -> token.signWith(ps.getPrivate(), Jwts.SIG.PS256));
    KeyPair es = Jwts.SIG.ES256.keyPair().build();
    jjwt("ES256", "jwk", published(es.getPublic()), token -> token.signWith(es.getPrivate()));
    KeyPair ed = Jwks.CRV.Ed25519.keyPair().build(); // EdDSA.keyPair() makes Ed448, which Cardea does not take
    jjwt("EdDSA", "jwk", published(ed.getPublic()), token -> token.signWith(ed.getPrivate()));
    jjwt("HS256", "secret", secret, token -> token.signWith(Keys.hmacShaKeyFor(bytes), Jwts.SIG.HS256));

    System.out.println(json.writeValueAsString(made));
  }
}
