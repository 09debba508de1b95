-- Gives every role the password that the container's environment says.
\getenv superuser_password POSTGRES_PASSWORD
\getenv session_password SESSION_DB_PASSWORD
\getenv execution_password EXECUTION_DB_PASSWORD
\getenv collector_password COLLECTOR_DB_PASSWORD

ALTER ROLE postgres PASSWORD :'superuser_password';
ALTER ROLE session_api PASSWORD :'session_password';
ALTER ROLE execution_api PASSWORD :'execution_password';
ALTER ROLE result_collector PASSWORD :'collector_password';
