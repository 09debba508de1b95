-- Runs once, when the data folder is empty: two databases, and for every service a role of its own
-- that reaches no more than its own database. Passwords come from the container's environment.
\getenv session_password SESSION_DB_PASSWORD
\getenv execution_password EXECUTION_DB_PASSWORD
\getenv collector_password COLLECTOR_DB_PASSWORD

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
