-- Gives every role the password in its file: new data has them already, other data may have others.
\set superuser_password `cat "$POSTGRES_PASSWORD_FILE"`
\set session_password `cat "$SESSION_DB_PASSWORD_FILE"`
\set execution_password `cat "$EXECUTION_DB_PASSWORD_FILE"`
\set collector_password `cat "$COLLECTOR_DB_PASSWORD_FILE"`

ALTER ROLE postgres PASSWORD :'superuser_password';
ALTER ROLE session_api PASSWORD :'session_password';
ALTER ROLE execution_api PASSWORD :'execution_password';
ALTER ROLE result_collector PASSWORD :'collector_password';
