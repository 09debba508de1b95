-- Runs once, when the data folder is empty: two databases, and for every service a role of its own
-- that reaches no more than its own database. Each password stands in a variable such as
-- SESSION_DB_PASSWORD, or in the file that SESSION_DB_PASSWORD_FILE names.
\set session_password `printf %s "${SESSION_DB_PASSWORD:-$(cat "$SESSION_DB_PASSWORD_FILE")}"`
\set execution_password `printf %s "${EXECUTION_DB_PASSWORD:-$(cat "$EXECUTION_DB_PASSWORD_FILE")}"`
\set collector_password `printf %s "${COLLECTOR_DB_PASSWORD:-$(cat "$COLLECTOR_DB_PASSWORD_FILE")}"`

CREATE ROLE session_api LOGIN PASSWORD :'session_password';
CREATE ROLE execution_api LOGIN PASSWORD :'execution_password';
CREATE ROLE result_collector LOGIN PASSWORD :'collector_password';

CREATE DATABASE sessions OWNER session_api;
CREATE DATABASE executions OWNER execution_api;

REVOKE ALL ON DATABASE sessions, executions, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE executions TO result_collector;

-- The collector writes results into tables that the execution API's migrations make later.
\connect executions
ALTER DEFAULT PRIVILEGES FOR ROLE execution_api IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO result_collector;
ALTER DEFAULT PRIVILEGES FOR ROLE execution_api IN SCHEMA public
    GRANT USAGE ON SEQUENCES TO result_collector;
