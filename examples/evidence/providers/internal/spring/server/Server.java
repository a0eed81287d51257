import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSelector;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.proc.SecurityContext;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.authority.FactorGrantedAuthority;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.security.oauth2.core.AuthorizationGrantType;
import org.springframework.security.oauth2.core.ClientAuthenticationMethod;
import org.springframework.security.oauth2.jwt.JwtEncoder;
import org.springframework.security.oauth2.jwt.NimbusJwtEncoder;
import org.springframework.security.oauth2.server.authorization.client.InMemoryRegisteredClientRepository;
import org.springframework.security.oauth2.server.authorization.client.RegisteredClient;
import org.springframework.security.oauth2.server.authorization.client.RegisteredClientRepository;
import org.springframework.security.oauth2.server.authorization.settings.AuthorizationServerSettings;
import org.springframework.security.oauth2.server.authorization.settings.ClientSettings;
import org.springframework.security.oauth2.server.authorization.settings.OAuth2TokenFormat;
import org.springframework.security.oauth2.server.authorization.settings.TokenSettings;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.context.SecurityContextHolderFilter;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Spring Authorization Server with its default tokens. Issuer and secret of the clients are in the environment. The commands on standard input
 * are "rotate overlap" (sign with a new key, publish the old one too) and "rotate replace" (publish that one alone); each is answered with a
 * line. It ends when standard input does.
 */
@SpringBootConfiguration
@EnableAutoConfiguration
public class Server {
  static final String ISSUER = System.getenv("CARDEA_ISSUER");
  static final String SECRET = System.getenv("CARDEA_SECRET");

  /** The first one signs. */
  static volatile List<RSAKey> keys = List.of(newKey());

  static RSAKey newKey() {
    try {
      return new RSAKeyGenerator(2048).keyID(UUID.randomUUID().toString()).generate();
    } catch (com.nimbusds.jose.JOSEException e) {
      throw new IllegalStateException(e);
    }
  }

  @Bean
  JWKSource<SecurityContext> keySource() {
    return (JWKSelector selector, SecurityContext context) -> selector.select(new JWKSet(List.<JWK>copyOf(keys)));
  }

  @Bean
  JwtEncoder encoder(JWKSource<SecurityContext> source) {
    NimbusJwtEncoder encoder = new NimbusJwtEncoder(source);
    encoder.setJwkSelector(found -> found.get(0));
    return encoder;
  }

  @Bean
  AuthorizationServerSettings settings() {
    return AuthorizationServerSettings.builder().issuer(ISSUER).build();
  }

  static RegisteredClient client(String id, OAuth2TokenFormat format) {
    return RegisteredClient.withId(id)
        .clientId(id)
        .clientSecret("{noop}" + SECRET + "-" + id) // each has to have its own
        .clientAuthenticationMethod(ClientAuthenticationMethod.CLIENT_SECRET_BASIC)
        .authorizationGrantType(AuthorizationGrantType.CLIENT_CREDENTIALS)
        .authorizationGrantType(AuthorizationGrantType.AUTHORIZATION_CODE)
        .authorizationGrantType(AuthorizationGrantType.REFRESH_TOKEN)
        .redirectUri("https://app.example.com/callback")
        .scopes(all -> all.addAll(List.of("openid", "read", "write")))
        .clientSettings(ClientSettings.builder().requireAuthorizationConsent(false).requireProofKey(false).build())
        .tokenSettings(TokenSettings.builder().accessTokenFormat(format).build())
        .build();
  }

  @Bean
  RegisteredClientRepository clients() {
    return new InMemoryRegisteredClientRepository(
        client("app", OAuth2TokenFormat.SELF_CONTAINED),
        client("other", OAuth2TokenFormat.SELF_CONTAINED),
        client("reference", OAuth2TokenFormat.REFERENCE),
        client("other-reference", OAuth2TokenFormat.REFERENCE),
        client("resource-server", OAuth2TokenFormat.REFERENCE));
  }

  /** Everybody is alice. */
  static class Alice extends OncePerRequestFilter {
    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain next) throws ServletException, IOException {
      if (request.getRequestURI().equals("/oauth2/authorize")) {
        SecurityContextHolder.getContext().setAuthentication(
            UsernamePasswordAuthenticationToken.authenticated("alice", null, List.of(FactorGrantedAuthority.fromAuthority(FactorGrantedAuthority.PASSWORD_AUTHORITY))));
      }
      next.doFilter(request, response);
    }
  }

  @Bean
  SecurityFilterChain endpoints(HttpSecurity http) throws Exception {
    return http
        .oauth2AuthorizationServer(server -> server.oidc(Customizer.withDefaults()))
        .authorizeHttpRequests(requests -> requests.anyRequest().authenticated())
        .addFilterAfter(new Alice(), SecurityContextHolderFilter.class)
        .csrf(csrf -> csrf.disable())
        .build();
  }

  public static void main(String[] args) throws IOException {
    var answers = System.out;
    System.setOut(System.err); // the log
    SpringApplication.run(Server.class, args);
    answers.println("{\"ready\": true}");
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
    for (String command = commands.readLine(); command != null; command = commands.readLine()) {
      if (command.equals("rotate overlap")) {
        List<RSAKey> more = new ArrayList<>(List.of(newKey()));
        more.addAll(keys);
        keys = List.copyOf(more);
      } else if (command.equals("rotate replace")) {
        keys = keys.subList(0, 1);
      }
      answers.println("{\"keys\": " + keys.size() + "}");
    }
    System.exit(0);
  }
}
